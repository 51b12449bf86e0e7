//! One template and many recipients: a letter for each of them, under a number of its own, and an error for each who
//! cannot have one. A number is taken only for a letter that is written.

use std::collections::{HashMap, HashSet};

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use backoffice_letters::{Missing, Values, long_date, merge as fill};
use chrono::Datelike;
use diesel::QueryableByName;
use diesel::sql_types::{Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::entry::{CorrespondenceChannel, CorrespondenceDirection, CorrespondenceEntry};
use super::ids::LetterTemplateId;
use super::register::{self, New, With, postal_lines};
use super::template::{self, LetterTemplate, LetterTemplateText};
use crate::finance::ids::{CustomerId, VendorId};
use crate::finance::payables::vendor::Vendor;
use crate::finance::receivables::customer::Customer;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::sized;
use crate::platform::mail::template::line;
use crate::platform::node;
use crate::platform::scalars::Date;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// The most recipients of one merge.
const MOST: usize = 100;
/// The most fields of one merge or recipient.
const MOST_FIELDS: usize = 50;

/// A value of a template's own field.
#[derive(InputObject, Clone, Debug)]
pub struct LetterFieldInput {
    /// The name behind `fields.`: small letters, digits and underscores, at most 40.
    pub name: String,
    /// Its value, at most 2,000 characters. A blank one is none.
    pub value: String,
}

/// One who is written to.
#[derive(InputObject, Clone, Debug)]
pub struct LetterRecipientInput {
    /// A customer. Right: `finance.customer.read`. Say a customer or a vendor.
    pub customer: Option<CustomerId>,
    /// A vendor. Right: `finance.vendor.read`.
    pub vendor: Option<VendorId>,
    /// Fields for this recipient, at most 50; they go before those of the merge.
    pub fields: Option<Vec<LetterFieldInput>>,
}

/// Letters from a template.
#[derive(InputObject, Clone, Debug)]
pub struct LetterMergeInput {
    /// The template.
    pub template: LetterTemplateId,
    /// The language of its wording: `de`, `en`, `de-AT`.
    pub language: String,
    /// How the letters go: `LETTER` or `MAIL`; `LETTER` if not said. A letter needs a whole postal address, a mail an
    /// e-mail address.
    pub channel: Option<CorrespondenceChannel>,
    /// The day of the letters, in the client's time zone, not later than today; today if not said.
    pub on_date: Option<Date>,
    /// Who is written to, 1 to 100, each once.
    pub recipients: Vec<LetterRecipientInput>,
    /// Fields for all of them, at most 50.
    pub fields: Option<Vec<LetterFieldInput>>,
    /// The id of the record that the letters are about: any that the caller may read.
    pub record: Option<ID>,
    /// Whether the client's own people see them as well; they do not if not said.
    pub visible_to_client: Option<bool>,
}

/// Why a recipient has no letter.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterProblem {
    /// The postal address is missing or not whole, or there is no e-mail address for a mail.
    NoAddress,
    /// Variables of the template have no value for this recipient; see `variables`.
    NoValue,
    /// The letter cannot be written as the template says: too long, say.
    NotWritten,
}

/// A recipient who has no letter.
#[derive(SimpleObject, Clone, Debug)]
pub struct LetterMergeError {
    /// Which of the recipients, from 0.
    pub index: i32,
    /// The recipient's name.
    pub name: String,
    /// Why.
    pub code: LetterProblem,
    /// The variables without a value, e.g. `recipient.city`.
    pub variables: Vec<String>,
    /// A sentence for the person who asked.
    pub message: String,
}

/// What a merge has made.
#[derive(SimpleObject, Clone, Debug)]
pub struct LetterMerge {
    /// The letters, in the order of their recipients.
    pub letters: Vec<CorrespondenceEntry>,
    /// Those who have none, in the same order.
    pub errors: Vec<LetterMergeError>,
}

crate::platform::payload! {
    /// What became of a merge. Letters are written for those who can have one; a refusal writes none at all.
    LetterMergePayload {
        /// What it has made.
        letter_merge: LetterMerge
    }
}

#[derive(QueryableByName)]
struct Sender {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    country: String,
}

/// A recipient as letters know him.
struct Recipient {
    with: With,
    number: String,
    vat_number: Option<String>,
    street: Option<String>,
    postal_code: Option<String>,
    city: Option<String>,
    country: String,
}

macro_rules! recipient {
    ($party:expr, $id:ident) => {{
        let party = $party;
        Recipient {
            with: With { $id: Some(party.id), name: party.name, email: party.email, ..With::default() },
            number: party.number,
            vat_number: party.vat_number,
            street: party.street,
            postal_code: party.postal_code,
            city: party.city,
            country: party.country.0,
        }
    }};
}

/// Refuses fields that no template can name.
fn check_fields(fields: &[LetterFieldInput], at: &str) -> Result<()> {
    if fields.len() > MOST_FIELDS {
        return Err(Error::refuse(UserErrorCode::Invalid, at, format!("At most {MOST_FIELDS} fields.")));
    }
    for (n, field) in fields.iter().enumerate() {
        let good = (1..=40).contains(&field.name.len())
            && field.name.starts_with(|one: char| one.is_ascii_lowercase())
            && field.name.bytes().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == b'_');
        if !good {
            let message = "A field has small letters, digits and underscores, at most 40, and begins with a letter.";
            return Err(Error::refuse(UserErrorCode::Invalid, &format!("{at}.{n}.name"), message));
        }
        sized(&format!("{at}.{n}.value"), &field.value, 0..=2000)?;
    }
    Ok(())
}

/// Every recipient that the input names, in its order.
async fn recipients(tx: &Tx, named: &[LetterRecipientInput]) -> Result<Vec<Recipient>> {
    if named.is_empty() || named.len() > MOST {
        let message = format!("A merge has 1 to {MOST} recipients.");
        return Err(Error::refuse(UserErrorCode::Invalid, "recipients", message));
    }
    let customers: Vec<CustomerId> = named.iter().filter_map(|one| one.customer).collect();
    let vendors: Vec<VendorId> = named.iter().filter_map(|one| one.vendor).collect();
    let mut customers: HashMap<CustomerId, Customer> =
        if customers.is_empty() { HashMap::new() } else { Customer::fetch(tx, customers).await? };
    let mut vendors: HashMap<VendorId, Vendor> =
        if vendors.is_empty() { HashMap::new() } else { Vendor::fetch(tx, vendors).await? };
    let mut seen: HashSet<Uuid> = HashSet::new();
    let mut found = Vec::with_capacity(named.len());
    for (at, one) in named.iter().enumerate() {
        let field = |name: &str| format!("recipients.{at}.{name}");
        check_fields(one.fields.as_deref().unwrap_or_default(), &field("fields"))?;
        let twice = |id: Uuid, seen: &mut HashSet<Uuid>, name: &str| {
            if seen.insert(id) {
                return Ok(());
            }
            Err(Error::refuse(UserErrorCode::Duplicate, &field(name), "This recipient is named twice."))
        };
        found.push(match (one.customer, one.vendor) {
            (Some(id), None) => {
                twice(id.0, &mut seen, "customer")?;
                recipient!(
                    customers.remove(&id).ok_or_else(|| Error::not_found(&field("customer"), "customer"))?,
                    customer
                )
            }
            (None, Some(id)) => {
                twice(id.0, &mut seen, "vendor")?;
                recipient!(vendors.remove(&id).ok_or_else(|| Error::not_found(&field("vendor"), "vendor"))?, vendor)
            }
            _ => {
                let message = "Say a customer or a vendor.";
                return Err(Error::refuse(UserErrorCode::Required, &field("customer"), message));
            }
        });
    }
    Ok(found)
}

/// The wording that letters are written from.
async fn wording(tx: &Tx, input: &LetterMergeInput) -> Result<LetterTemplateText> {
    template::check_language("language", &input.language)?;
    let found = LetterTemplate::fetch(tx, vec![input.template]).await?.remove(&input.template);
    let found = found.ok_or_else(|| Error::not_found("template", "template"))?;
    if found.retired {
        return Err(Error::refuse(UserErrorCode::State, "template", "This template is retired."));
    }
    let text = template::newest(tx, found.id, &input.language).await?;
    text.ok_or_else(|| {
        let message = format!("The template \"{}\" has no wording in the language {}.", found.name, input.language);
        Error::refuse(UserErrorCode::NotFound, "language", message)
    })
}

/// Everything that the letters of one merge share.
struct Run<'a> {
    text: &'a LetterTemplateText,
    sender: Sender,
    channel: CorrespondenceChannel,
    on_date: Date,
    fields: &'a [LetterFieldInput],
}

impl Run<'_> {
    /// A recipient who has no letter.
    fn problem(at: usize, name: &str, code: LetterProblem, variables: Vec<String>, why: &str) -> LetterMergeError {
        LetterMergeError {
            index: i32::try_from(at).unwrap_or(i32::MAX),
            name: name.to_owned(),
            code,
            variables,
            message: format!("{name} has no letter: {why}"),
        }
    }

    fn values(&self, to: &Recipient, own: &[LetterFieldInput]) -> Values {
        let mut values = Values::default();
        for (name, value) in [
            ("name", Some(to.with.name.as_str())),
            ("number", Some(to.number.as_str())),
            ("email", to.with.email.as_deref()),
            ("vat_number", to.vat_number.as_deref()),
            ("street", to.street.as_deref()),
            ("postal_code", to.postal_code.as_deref()),
            ("city", to.city.as_deref()),
            ("country", Some(to.country.as_str())),
            ("address", to.with.postal_address.as_deref()),
        ] {
            values.set("recipient", name, value);
        }
        values.set("client", "name", Some(&self.sender.name));
        let day = self.on_date.0;
        let date = long_date(&self.text.language, day.year(), day.month(), day.day());
        values.set("letter", "date", Some(&date));
        for field in self.fields.iter().chain(own) {
            values.set("fields", &field.name, Some(&field.value));
        }
        values
    }

    /// Subject and text with these values.
    fn written(&self, values: &Values) -> std::result::Result<(String, String), Missing> {
        let subject = line(&fill(&self.text.subject, values)?);
        if !(1..=300).contains(&subject.chars().count()) {
            return Err(Missing::Other("its subject has to be 1 to 300 characters long.".to_owned()));
        }
        Ok((subject, fill(&self.text.body, values)?))
    }
}

pub(super) async fn merge(tx: &Tx, input: LetterMergeInput, about: Option<(String, Uuid)>) -> Result<LetterMerge> {
    let channel = input.channel.unwrap_or(CorrespondenceChannel::Letter);
    if channel == CorrespondenceChannel::Call {
        return Err(Error::refuse(UserErrorCode::Invalid, "channel", "A template is sent as a letter or a mail."));
    }
    let fields = input.fields.clone().unwrap_or_default();
    check_fields(&fields, "fields")?;
    let on_date = register::day(tx, input.on_date)?;
    let text = wording(tx, &input).await?;
    let named = recipients(tx, &input.recipients).await?;
    let sender: Sender = tx
        .row(
            sql("SELECT c.name, c.country FROM practice.client c WHERE c.tenant_id = $1")
                .bind::<SqlUuid, _>(tx.tenant()?),
        )
        .await?;
    let run = Run { text: &text, sender, channel, on_date, fields: &fields };
    let mut made = LetterMerge { letters: Vec::new(), errors: Vec::new() };
    for (at, mut to) in named.into_iter().enumerate() {
        let name = to.with.name.clone();
        let abroad = Some(to.country.as_str()).filter(|country| *country != run.sender.country);
        to.with.postal_address =
            postal_lines(to.street.as_deref(), to.postal_code.as_deref(), to.city.as_deref(), abroad);
        let lacking = match run.channel {
            CorrespondenceChannel::Mail if to.with.email.as_deref().is_none_or(|email| email.trim().is_empty()) => {
                Some("there is no e-mail address.")
            }
            CorrespondenceChannel::Letter if to.with.postal_address.is_none() => {
                Some("the postal address lacks street, postal code or city.")
            }
            _ => None,
        };
        if let Some(why) = lacking {
            made.errors.push(Run::problem(at, &name, LetterProblem::NoAddress, Vec::new(), why));
            continue;
        }
        let own = input.recipients.get(at).and_then(|one| one.fields.as_deref()).unwrap_or_default();
        let mut values = run.values(&to, own);
        // Tried with a number that is none: whoever cannot have a letter takes none.
        values.set("letter", "number", Some("OUT-0000-00000"));
        match run.written(&values) {
            Ok(_) => {}
            Err(Missing::Variables(variables)) => {
                let named: Vec<String> = variables.iter().map(|name| format!("`{name}`")).collect();
                let why = format!("{} has no value.", named.join(", "));
                made.errors.push(Run::problem(at, &name, LetterProblem::NoValue, variables, &why));
                continue;
            }
            Err(Missing::Other(why)) => {
                made.errors.push(Run::problem(at, &name, LetterProblem::NotWritten, Vec::new(), &why));
                continue;
            }
        }
        let number = register::take_number(tx, CorrespondenceDirection::Out, on_date).await?;
        values.set("letter", "number", Some(&number));
        let (subject, body) =
            run.written(&values).map_err(|_| Error::fault("a letter that could be written cannot be any more"))?;
        let new = New {
            direction: CorrespondenceDirection::Out,
            channel,
            on_date,
            subject,
            body,
            with: to.with,
            reply_to: None,
            about: about.clone(),
            visible: input.visible_to_client.unwrap_or_default(),
            template_text: Some(text.id),
        };
        made.letters.push(register::write(tx, number, new).await?);
    }
    Ok(made)
}

/// Merging.
#[derive(Default)]
pub struct MergeMutation;

#[Object]
impl MergeMutation {
    /// Writes a letter for each recipient from a template, each under the next number of the register, and says who cannot
    /// have one and why. It sends nothing. With `Dry-Run: true` it shows all and takes no number. Right:
    /// `office.correspondence.manage`.
    async fn letter_merge(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Template, recipients and fields.")] input: LetterMergeInput,
    ) -> async_graphql::Result<Option<LetterMergePayload>> {
        let tx = ctx.tx(Can::CorrespondenceManage).await?;
        let done = async {
            if input.recipients.iter().any(|one| one.customer.is_some()) {
                ctx.tx(Can::CustomerRead).await?;
            }
            if input.recipients.iter().any(|one| one.vendor.is_some()) {
                ctx.tx(Can::VendorRead).await?;
            }
            let about = match &input.record {
                Some(id) => Some(node::pointed_at(ctx, id, "record").await?),
                None => None,
            };
            merge(tx, input, about).await
        };
        LetterMergePayload::settle(ctx, done.await)
    }
}
