//! The limits and the price formula, published where integrators look: `{ limits { … } }`.

use async_graphql::{Context, Object, SimpleObject};
use backoffice_gate::Limits as Gate;

use super::body::{MAX_ANONYMOUS_BYTES, MAX_BODY_BYTES};
use super::budget::{Rate, Rates};

/// What is in force on this server.
#[derive(Clone, Default)]
pub struct Published {
    /// What a document may ask for.
    pub limits: Gate,
    /// How much may be asked for in how short a time.
    pub rates: Rates,
    /// The domain of the addresses under which clients are written to; none if no mails come in.
    pub mail_domain: Option<String>,
}

/// The formula in words; its table stands in the gate's documentation and in the README.
const FORMULA: &str = "A field with a selection set costs 1 and its children times the items it may have; one without costs \
nothing. Items: `first` or `last`, whichever is larger; the default page if neither is given and `nodes` or `edges` are \
selected; the number of `ids`; else 1. `edges` and `pageInfo` cost nothing themselves. A root field of a mutation costs 10 \
instead of 1. Arguments cost 1 for each full 100 of their weight: each list, object and leaf weighs 1, each 64 bytes of text \
1 more. `__schema` and `__type` cost 100 with all below them. An operation costs at least 1, a document that is turned away 10. \
`exportCreate` costs in addition what a page of 100 rows of its query costs, `importCreate` 1 for each full KiB of its file; \
each at most what a full bucket holds. \
The price is taken before an operation runs; what its lists did not hold is given back behind it.";

/// What one request may hold, and how much may be asked for in how short a time. The numbers are those of this server.
#[derive(SimpleObject)]
pub struct Limits {
    /// How the price of an operation is found.
    formula: &'static str,
    /// The highest price of one operation.
    cost: i32,
    /// The largest request in bytes.
    request_bytes: i32,
    /// The largest request without a valid token in bytes.
    request_bytes_without_token: i32,
    /// The longest document in bytes.
    document_bytes: i32,
    /// Names, numbers, texts and punctuators of a document.
    tokens: i32,
    /// Fields inside each other.
    depth: i32,
    /// Fields of the operation's root.
    root_fields: i32,
    /// Aliases in a document.
    aliases: i32,
    /// Directives in a document.
    directives: i32,
    /// Selections, every fragment written out wherever it is spread.
    selections: i32,
    /// Variables of a request.
    variables: i32,
    /// Values in all variables together: each list, object and leaf is one.
    variable_values: i32,
    /// Lists and objects inside each other in one variable.
    variable_depth: i32,
    /// What `first` and `last` may ask for.
    page: i32,
    /// The items of a page where neither `first` nor `last` is given.
    default_page: i32,
    /// The bucket of one credential: a person's session, a service account. Null if there is none.
    credential: Option<Bucket>,
    /// The bucket of one client, all its credentials together. Null if there is none.
    client: Option<Bucket>,
    /// The bucket of one address that comes without a valid token. Null if there is none.
    without_token: Option<Bucket>,
}

/// A bucket from which operations are paid, in units of price.
#[derive(SimpleObject)]
pub struct Bucket {
    /// Units that come back each second.
    per_second: i32,
    /// Units of a full bucket.
    burst: i32,
}

/// A number as GraphQL's `Int` can hold it.
fn number(count: impl TryInto<i32>) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}

impl Bucket {
    fn of(rate: Rate) -> Option<Self> {
        (rate.per_second > 0).then(|| Self { per_second: number(rate.per_second), burst: number(rate.burst) })
    }
}

impl From<&Published> for Limits {
    fn from(published: &Published) -> Self {
        let Published { limits, rates, mail_domain: _ } = published;
        Self {
            formula: FORMULA,
            cost: number(limits.cost),
            request_bytes: number(MAX_BODY_BYTES),
            request_bytes_without_token: number(MAX_ANONYMOUS_BYTES),
            document_bytes: number(limits.bytes),
            tokens: number(limits.tokens),
            depth: number(limits.depth),
            root_fields: number(limits.root_fields),
            aliases: number(limits.aliases),
            directives: number(limits.directives),
            selections: number(limits.selections),
            variables: number(limits.variables),
            variable_values: number(limits.variable_values),
            variable_depth: number(limits.variable_depth),
            page: number(limits.page),
            default_page: number(limits.default_page),
            credential: Bucket::of(rates.credential),
            client: Bucket::of(rates.client),
            without_token: Bucket::of(rates.stranger),
        }
    }
}

/// The query for the limits.
#[derive(Default)]
pub struct LimitsQuery;

#[Object]
impl LimitsQuery {
    /// The limits of this server and the price of operations: what each answer tells in `extensions.cost`. Needs no right and
    /// no token.
    async fn limits(&self, ctx: &Context<'_>) -> Limits {
        ctx.data_opt::<Published>().map_or_else(|| Limits::from(&Published::default()), Limits::from)
    }
}
