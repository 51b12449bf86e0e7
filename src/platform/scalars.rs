//! The scalars of the wire: exact, checked when they come in, the same in the database.

use std::str::FromStr;

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, SimpleObject, Value};
use backoffice_money::{Currency, Decimal};
use base64::Engine;
use chrono::{NaiveDate, SecondsFormat, Utc};
use diesel::sql_types::{Date as SqlDate, Numeric, Text, Timestamptz};

/// Lets a newtype stand in a column by delegating to what it wraps.
macro_rules! column {
    ($name:ident, $inner:ty, $sql:ty) => {
        impl diesel::serialize::ToSql<$sql, diesel::pg::Pg> for $name {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>,
            ) -> diesel::serialize::Result {
                <$inner as diesel::serialize::ToSql<$sql, diesel::pg::Pg>>::to_sql(&self.0, out)
            }
        }

        impl diesel::deserialize::FromSql<$sql, diesel::pg::Pg> for $name {
            fn from_sql(bytes: diesel::pg::PgValue<'_>) -> diesel::deserialize::Result<Self> {
                <$inner as diesel::deserialize::FromSql<$sql, diesel::pg::Pg>>::from_sql(bytes).map(Self)
            }
        }
    };
}

/// An exact decimal number, written as a string ("1234.50"). A JSON number is refused, because it would pass through
/// a binary float. At most 15 digits before and 8 after the point.
#[derive(
    diesel::expression::AsExpression,
    diesel::deserialize::FromSqlRow,
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
)]
#[diesel(sql_type = Numeric)]
pub struct Dec(pub Decimal);

impl diesel::serialize::ToSql<Numeric, diesel::pg::Pg> for Dec {
    fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>) -> diesel::serialize::Result {
        <Decimal as diesel::serialize::ToSql<Numeric, diesel::pg::Pg>>::to_sql(&self.0, out)
    }
}

impl diesel::deserialize::FromSql<Numeric, diesel::pg::Pg> for Dec {
    fn from_sql(bytes: diesel::pg::PgValue<'_>) -> diesel::deserialize::Result<Self> {
        if let Some(decimal) = super::numeric::read(bytes.as_bytes()) {
            return Ok(Self(decimal));
        }
        <Decimal as diesel::deserialize::FromSql<Numeric, diesel::pg::Pg>>::from_sql(bytes).map(Self)
    }
}

/// Exact decimal as a string. See the IANA-free definition at the specification address.
#[Scalar(name = "Decimal", specified_by_url = "https://www.rfc-editor.org/rfc/rfc9485")]
impl ScalarType for Dec {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::custom(
                "A decimal is written as a string, e.g. \"12.50\", never as a number.",
            ));
        };
        let decimal =
            backoffice_money::parse_decimal(text).map_err(|error| InputValueError::custom(error.to_string()))?;
        backoffice_money::check_scale(decimal, 8).map_err(|error| InputValueError::custom(error.to_string()))?;
        Ok(Self(decimal))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.normalize().to_string())
    }
}

/// A calendar date without a time zone, `YYYY-MM-DD`.
#[derive(
    diesel::expression::AsExpression,
    diesel::deserialize::FromSqlRow,
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
)]
#[diesel(sql_type = SqlDate)]
pub struct Date(pub NaiveDate);
column!(Date, NaiveDate, SqlDate);

/// Calendar date, ISO 8601 `YYYY-MM-DD`, years 1900 to 2200.
#[Scalar(name = "Date", specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339#section-5.6")]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        let well_formed = text.len() == 10 && text.is_ascii();
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| well_formed);
        date.filter(|date| (1900..=2200).contains(&chrono::Datelike::year(date)))
            .map(Self)
            .ok_or_else(|| InputValueError::custom("A date is written YYYY-MM-DD, between 1900 and 2200."))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.format("%Y-%m-%d").to_string())
    }
}

/// A moment in time.
#[derive(
    diesel::expression::AsExpression,
    diesel::deserialize::FromSqlRow,
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
)]
#[diesel(sql_type = Timestamptz)]
pub struct DateTime(pub chrono::DateTime<Utc>);
column!(DateTime, chrono::DateTime<Utc>, Timestamptz);

/// A moment, RFC 3339 with an offset ("2026-01-31T17:00:00+01:00"); answered in UTC.
#[Scalar(name = "DateTime", specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339#section-5.6")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        let moment = chrono::DateTime::parse_from_rfc3339(text).map_err(|_| {
            InputValueError::custom("A moment is written with its offset, e.g. 2026-01-31T17:00:00+01:00.")
        })?;
        Ok(Self(moment.with_timezone(&Utc)))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

/// Declares a checked text scalar.
macro_rules! text_scalar {
    ($(#[doc = $doc:literal])+ $name:ident, $graphql:literal, $url:literal, |$text:ident| $check:expr, $hint:literal) => {
        $(#[doc = $doc])+
        #[derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[diesel(sql_type = Text)]
        pub struct $name(pub String);
        column!($name, String, Text);

        impl $name {
            /// The text if it is one.
            #[must_use]
            pub fn checked(text: &str) -> Option<Self> {
                let $text = text;
                $check.then(|| Self(text.to_owned()))
            }
        }

        $(#[doc = $doc])+
        #[Scalar(name = $graphql, specified_by_url = $url)]
        impl ScalarType for $name {
            fn parse(value: Value) -> InputValueResult<Self> {
                let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
                Self::checked(text).ok_or_else(|| InputValueError::custom($hint))
            }

            fn to_value(&self) -> Value {
                Value::String(self.0.clone())
            }
        }
    };
}

text_scalar!(
    /// A currency by its ISO 4217 code, e.g. `EUR`.
    CurrencyCode, "CurrencyCode", "https://www.iso.org/iso-4217-currency-codes.html",
    |text| Currency::parse(text).is_ok(),
    "This is not a currency of ISO 4217, e.g. EUR."
);
text_scalar!(
    /// A country by its ISO 3166-1 alpha-2 code, e.g. `DE`.
    CountryCode, "CountryCode", "https://www.iso.org/iso-3166-country-codes.html",
    |text| is_country(text),
    "This is not a country code of ISO 3166-1, e.g. DE."
);
text_scalar!(
    /// A time zone by its IANA name, e.g. `Europe/Berlin`.
    TimeZone, "TimeZone", "https://www.iana.org/time-zones",
    |text| chrono_tz::Tz::from_str(text).is_ok(),
    "This is not an IANA time zone, e.g. Europe/Berlin."
);
text_scalar!(
    /// An International Bank Account Number without spaces, check digits verified (ISO 13616).
    Iban, "Iban", "https://www.iso.org/standard/81090.html",
    |text| is_iban(text),
    "This is not an IBAN: its check digits are wrong, or it has spaces or another shape."
);

/// A file's bytes in base64 (RFC 4648 section 4), at most 16 MiB decoded.
#[derive(Clone, Debug)]
pub struct Base64(pub Vec<u8>);

/// Bytes in base64, RFC 4648 section 4.
#[Scalar(name = "Base64", specified_by_url = "https://www.rfc-editor.org/rfc/rfc4648#section-4")]
impl ScalarType for Base64 {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        base64::engine::general_purpose::STANDARD
            .decode(text)
            .map(Self)
            .map_err(|_| InputValueError::custom("This is not base64 (RFC 4648, with padding)."))
    }

    fn to_value(&self) -> Value {
        Value::String(base64::engine::general_purpose::STANDARD.encode(&self.0))
    }
}

/// An amount of money: never without its currency.
#[derive(SimpleObject, Clone, Debug, PartialEq, Eq)]
pub struct Money {
    /// The amount with the currency's own number of decimals.
    pub amount: MoneyAmount,
    /// The currency.
    pub currency: CurrencyCode,
}

impl Money {
    /// An amount in a currency that the database has checked.
    #[must_use]
    pub fn new(amount: Dec, currency: &str) -> Self {
        let shown = Currency::parse(currency).map_or(amount.0, |currency| currency.shown(amount.0));
        Self { amount: MoneyAmount(shown), currency: CurrencyCode(currency.to_owned()) }
    }
}

/// An amount as it is shown: trailing zeros kept to the currency's decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoneyAmount(pub Decimal);

impl async_graphql::OutputType for MoneyAmount {
    fn type_name() -> std::borrow::Cow<'static, str> {
        <Dec as async_graphql::OutputType>::type_name()
    }

    fn create_type_info(registry: &mut async_graphql::registry::Registry) -> String {
        <Dec as async_graphql::OutputType>::create_type_info(registry)
    }

    async fn resolve(
        &self,
        _ctx: &async_graphql::ContextSelectionSet<'_>,
        _field: &async_graphql::Positioned<async_graphql::parser::types::Field>,
    ) -> async_graphql::ServerResult<Value> {
        Ok(Value::String(self.0.to_string()))
    }
}

fn is_iban(text: &str) -> bool {
    let shape = (15..=34).contains(&text.len())
        && text.bytes().enumerate().all(|(at, byte)| match at {
            0 | 1 => byte.is_ascii_uppercase(),
            2 | 3 => byte.is_ascii_digit(),
            _ => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
        });
    if !shape {
        return false;
    }
    // ISO 7064 modulo 97-10: the country and check digits move to the end, letters count from 10.
    let (front, rest) = text.split_at(4);
    let mut remainder: u32 = 0;
    for byte in rest.bytes().chain(front.bytes()) {
        let value = u32::from(if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' + 10 });
        remainder = if value > 9 { (remainder * 100 + value) % 97 } else { (remainder * 10 + value) % 97 };
    }
    remainder == 1
}

fn is_country(text: &str) -> bool {
    // ISO 3166-1 alpha-2 as of 2026, and XK, which is in wide use for Kosovo.
    const CODES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";
    text.len() == 2 && CODES.split(' ').any(|code| code == text)
}
