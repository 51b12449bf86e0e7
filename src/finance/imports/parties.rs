//! Customers and vendors from files. Those that are there stay as they are; a file that says otherwise is refused.

use std::collections::HashMap;

use backoffice_formats::Dialect;
use backoffice_formats::parties_csv::{self, Party};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Int4, Nullable, Text, Uuid as SqlUuid};

use super::problem::{FileErrorCode, FileErrors};
use super::{File, ImportKind, Outcome, known, parse, record};
use crate::platform::db::Tx;
use crate::platform::error::Result;
use crate::platform::ids::new_uuid;
use crate::platform::scalars::{CountryCode, CurrencyCode};
use crate::platform::sql::sql;

/// Parties of one statement: each statement has its time.
pub(super) const A_STATEMENT: usize = 2_000;

/// Days to pay where a file does not say.
const DEFAULT_TERMS: i32 = 30;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Customers,
    Vendors,
}

impl Side {
    pub(super) fn kind(self) -> ImportKind {
        match self {
            Self::Customers => ImportKind::Customers,
            Self::Vendors => ImportKind::Vendors,
        }
    }
}

macro_rules! insert_text {
    ($table:literal) => {
        concat!(
            "INSERT INTO finance.", $table, " (tenant_id, id, number, name, email, vat_number, country, street, postal_code, city, currency,
                                               payment_terms_days, iban)
             SELECT $1, n.id, n.number, n.name, n.email, n.vat_number, coalesce(n.country, c.country), n.street, n.postal_code, n.city,
                    coalesce(n.currency, c.currency), n.terms, n.iban
               FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
                           $11::text[], $12::int[], $13::text[])
                      AS n (id, number, name, email, vat_number, country, street, postal_code, city, currency, terms, iban)
               JOIN practice.client c ON c.tenant_id = $1
              ORDER BY n.number
             ON CONFLICT (tenant_id, number) DO NOTHING"
        )
    };
}

macro_rules! find_text {
    ($table:literal) => {
        concat!(
            "SELECT p.number, p.name, p.email, p.vat_number, p.country, p.street, p.postal_code, p.city, p.currency,
                    p.payment_terms_days, p.iban
               FROM finance.",
            $table,
            " p WHERE p.tenant_id = $1 AND p.number = ANY ($2)"
        )
    };
}

/// A party as it is in the books.
#[derive(QueryableByName, Clone, Debug)]
struct Kept {
    #[diesel(sql_type = Text)]
    number: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    email: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    vat_number: Option<String>,
    #[diesel(sql_type = Text)]
    country: String,
    #[diesel(sql_type = Nullable<Text>)]
    street: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    postal_code: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    city: Option<String>,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = Int4)]
    payment_terms_days: i32,
    #[diesel(sql_type = Nullable<Text>)]
    iban: Option<String>,
}

/// The columns in which a file says something else than the books. What a file leaves empty it does not say.
fn differing(party: &Party, kept: &Kept) -> Vec<&'static str> {
    let terms = party.payment_terms_days.map(i32::from);
    let texts = [
        ("name", Some(&party.name), Some(&kept.name)),
        ("email", party.email.as_ref(), kept.email.as_ref()),
        ("vat_number", party.vat_number.as_ref(), kept.vat_number.as_ref()),
        ("country", party.country.as_ref(), Some(&kept.country)),
        ("street", party.street.as_ref(), kept.street.as_ref()),
        ("postal_code", party.postal_code.as_ref(), kept.postal_code.as_ref()),
        ("city", party.city.as_ref(), kept.city.as_ref()),
        ("currency", party.currency.as_ref(), Some(&kept.currency)),
        ("iban", party.iban.as_ref(), kept.iban.as_ref()),
    ];
    let differing = texts.into_iter().filter(|(_, said, there)| said.is_some() && said != there);
    let differing = differing.map(|(column, ..)| column);
    differing.chain(terms.filter(|days| *days != kept.payment_terms_days).map(|_| "payment_terms_days")).collect()
}

/// What the books cannot keep, although the file is well formed.
fn check(parties: &[Party]) -> FileErrors {
    let mut errors = FileErrors::default();
    for party in parties {
        let texts = [
            ("number", Some(&party.number), 30),
            ("name", Some(&party.name), 200),
            ("vat_number", party.vat_number.as_ref(), 32),
            ("street", party.street.as_ref(), 200),
            ("postal_code", party.postal_code.as_ref(), 20),
            ("city", party.city.as_ref(), 100),
        ];
        for (column, text, most) in texts {
            if text.is_some_and(|text| text.chars().count() > most) {
                let message = format!("This has more than {most} characters.");
                errors.push(party.line, Some(column), FileErrorCode::FieldTooLong, message);
            }
        }
        if let Some(code) = party.currency.as_ref().filter(|code| CurrencyCode::checked(code).is_none()) {
            let message = format!("{code} is not a currency of ISO 4217.");
            errors.push(party.line, Some("currency"), FileErrorCode::Currency, message);
        }
        if let Some(code) = party.country.as_ref().filter(|code| CountryCode::checked(code).is_none()) {
            let message = format!("{code} is not a country of ISO 3166-1.");
            errors.push(party.line, Some("country"), FileErrorCode::Country, message);
        }
    }
    errors
}

/// The customers or vendors of a file, all of them fit for the books.
pub(super) async fn read(bytes: Vec<u8>, dialect: Dialect) -> Result<std::result::Result<Vec<Party>, FileErrors>> {
    let parsed = parse(bytes, move |bytes| parties_csv::parse(bytes, &dialect)).await?;
    Ok(parsed.and_then(|parties| {
        let errors = check(&parties);
        if errors.is_empty() { Ok(parties) } else { Err(errors) }
    }))
}

/// Takes the customers or vendors of a file in.
pub(super) async fn run(tx: &Tx, side: Side, file: File) -> Result<Outcome> {
    let kind = side.kind();
    if let Some(lines) = known(tx, kind, &file.sha256).await? {
        return Ok(Outcome::Done(record(tx, kind, file.name, file.sha256, 0, lines).await?));
    }
    let parties = match read(file.bytes, file.dialect).await? {
        Ok(parties) => parties,
        Err(errors) => return Ok(Outcome::Refused(errors)),
    };
    let mut created: usize = 0;
    let mut errors = FileErrors::default();
    for some in parties.chunks(A_STATEMENT) {
        created = created.saturating_add(put(tx, side, some, &mut errors).await?);
    }
    if !errors.is_empty() {
        return Ok(Outcome::Refused(errors));
    }
    let unchanged = parties.len().saturating_sub(created);
    Ok(Outcome::Done(record(tx, kind, file.name, file.sha256, created, unchanged).await?))
}

/// Takes some in; gives how many are new. Those that are there with other data go on the list.
pub(super) async fn put(tx: &Tx, side: Side, parties: &[Party], errors: &mut FileErrors) -> Result<usize> {
    let created = insert(tx, side, parties).await?;
    if created < parties.len() {
        compare(tx, side, parties, errors).await?;
    }
    Ok(created)
}

async fn insert(tx: &Tx, side: Side, parties: &[Party]) -> Result<usize> {
    let texts = |pick: fn(&Party) -> Option<String>| parties.iter().map(pick).collect::<Vec<Option<String>>>();
    let text = match side {
        Side::Customers => insert_text!("customer"),
        Side::Vendors => insert_text!("vendor"),
    };
    let terms = |party: &Party| party.payment_terms_days.map_or(DEFAULT_TERMS, i32::from);
    tx.exec(
        sql(text)
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<SqlUuid>, _>(parties.iter().map(|_| new_uuid()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(parties.iter().map(|party| party.number.clone()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(parties.iter().map(|party| party.name.clone()).collect::<Vec<_>>())
            .bind::<Array<Nullable<Text>>, _>(texts(|party| party.email.clone()))
            .bind::<Array<Nullable<Text>>, _>(texts(|party| party.vat_number.clone()))
            .bind::<Array<Nullable<Text>>, _>(texts(|party| party.country.clone()))
            .bind::<Array<Nullable<Text>>, _>(texts(|party| party.street.clone()))
            .bind::<Array<Nullable<Text>>, _>(texts(|party| party.postal_code.clone()))
            .bind::<Array<Nullable<Text>>, _>(texts(|party| party.city.clone()))
            .bind::<Array<Nullable<Text>>, _>(texts(|party| party.currency.clone()))
            .bind::<Array<Int4>, _>(parties.iter().map(terms).collect::<Vec<_>>())
            .bind::<Array<Nullable<Text>>, _>(texts(|party| party.iban.clone())),
    )
    .await
}

/// Puts lines on the list that say something else than the books. Those just created say the same as themselves.
pub(super) async fn compare(tx: &Tx, side: Side, parties: &[Party], errors: &mut FileErrors) -> Result<()> {
    let text = match side {
        Side::Customers => find_text!("customer"),
        Side::Vendors => find_text!("vendor"),
    };
    let numbers: Vec<String> = parties.iter().map(|party| party.number.clone()).collect();
    let rows: Vec<Kept> = tx.rows(sql(text).bind::<SqlUuid, _>(tx.tenant()?).bind::<Array<Text>, _>(numbers)).await?;
    let kept: HashMap<&str, &Kept> = rows.iter().map(|row| (row.number.as_str(), row)).collect();
    for party in parties {
        let Some(kept) = kept.get(party.number.as_str()) else { continue };
        for column in differing(party, kept) {
            let message = format!(
                "{} is in the books already with something else here; change it there or take the line out.",
                party.number
            );
            errors.push(party.line, Some(column), FileErrorCode::Differs, message);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_says_nothing_and_other_data_differs() {
        let file = b"number,name,city,payment_terms_days\n1,A,,14\n2,B,Kiel,\n";
        let parties = parties_csv::parse(file, &Dialect::default()).unwrap();
        let kept = Kept {
            number: "1".to_owned(),
            name: "A".to_owned(),
            email: None,
            vat_number: None,
            country: "DE".to_owned(),
            street: None,
            postal_code: None,
            city: Some("Bonn".to_owned()),
            currency: "EUR".to_owned(),
            payment_terms_days: 14,
            iban: None,
        };
        assert!(differing(&parties[0], &kept).is_empty());
        assert_eq!(differing(&parties[1], &kept), ["name", "city"]);
    }
}
