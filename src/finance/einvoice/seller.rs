//! How the client names itself on electronic invoices, beyond its name, country and VAT number.

use async_graphql::{ComplexObject, Context, InputObject, MaybeUndefined, Object, SimpleObject};
use diesel::prelude::*;

use super::EInvoiceForm;
use crate::finance::bank::account::BankAccount;
use crate::finance::ids::BankAccountId;
use crate::finance::party::check_electronic;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::input::{expect_version, sized};
use crate::platform::scope::Ask;
use crate::schema::seller_profile;

/// How the client names itself on electronic invoices. Its name, country and VAT number are those of the client.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = seller_profile)]
#[graphql(complex)]
pub struct SellerProfile {
    /// Street and house number.
    pub street: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// City.
    pub city: Option<String>,
    /// Tax number that is none for value added tax.
    pub tax_number: Option<String>,
    /// Number in the register of companies.
    pub registration: Option<String>,
    /// Where the client takes electronic documents: the code of the list (EAS), a colon, and the address in it.
    pub electronic_address: Option<String>,
    #[graphql(skip)]
    pub(super) bank_account_id: Option<BankAccountId>,
    /// Invoices that could not be sent in this form are not issued; null: they are issued all the same.
    pub check_at_issue: Option<EInvoiceForm>,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl SellerProfile {
    /// The account that customers are asked to pay to; null: none is named. Right: `finance.bank.read`.
    async fn bank_account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<BankAccount>> {
        match self.bank_account_id {
            Some(id) => Ok(ctx.load::<BankAccount>(id).await?),
            None => Ok(None),
        }
    }
}

/// How the client names itself from now on: what is omitted stays, null clears.
#[derive(InputObject, Clone, Debug)]
pub struct SellerProfileUpdateInput {
    /// The version that was read; refused with `CONFLICT` if it was changed since.
    pub expected_version: Option<i32>,
    /// Street and house number, 1 to 200 characters.
    pub street: MaybeUndefined<String>,
    /// Postal code, 1 to 20 characters.
    pub postal_code: MaybeUndefined<String>,
    /// City, 1 to 100 characters.
    pub city: MaybeUndefined<String>,
    /// Tax number that is none for value added tax, 1 to 32 characters.
    pub tax_number: MaybeUndefined<String>,
    /// Number in the register of companies, 1 to 60 characters.
    pub registration: MaybeUndefined<String>,
    /// Where the client takes electronic documents, such as `0088:1234567890128` or `EM:bills@example.com`.
    pub electronic_address: MaybeUndefined<String>,
    /// The account that customers are asked to pay to: one with an IBAN or a number.
    pub bank_account: MaybeUndefined<BankAccountId>,
    /// Invoices that could not be sent in this form are not issued from now on; null: they are issued all the same.
    pub check_at_issue: MaybeUndefined<EInvoiceForm>,
}

#[derive(AsChangeset)]
#[diesel(table_name = seller_profile)]
struct Changes {
    street: Option<Option<String>>,
    postal_code: Option<Option<String>>,
    city: Option<Option<String>>,
    tax_number: Option<Option<String>>,
    registration: Option<Option<String>>,
    electronic_address: Option<Option<String>>,
    bank_account_id: Option<Option<BankAccountId>>,
    check_at_issue: Option<Option<EInvoiceForm>>,
}

crate::platform::payload! {
    /// What became of how the client names itself.
    SellerProfilePayload {
        /// How it names itself now.
        seller_profile: SellerProfile
    }
}

/// How the client names itself; nothing if nobody has said it.
pub(super) async fn find(tx: &Tx) -> Result<Option<SellerProfile>> {
    tx.maybe(
        seller_profile::table.filter(seller_profile::tenant_id.eq(tx.tenant()?)).select(SellerProfile::as_select()),
    )
    .await
}

async fn update(tx: &Tx, input: SellerProfileUpdateInput) -> Result<SellerProfile> {
    for (field, text, most) in [
        ("street", &input.street, 200),
        ("postalCode", &input.postal_code, 20),
        ("city", &input.city, 100),
        ("taxNumber", &input.tax_number, 32),
        ("registration", &input.registration, 60),
    ] {
        if let MaybeUndefined::Value(text) = text {
            sized(field, text, 1..=most)?;
        }
    }
    check_electronic("electronicAddress", input.electronic_address.as_opt_deref().flatten())?;
    if let MaybeUndefined::Value(id) = input.bank_account {
        let found = BankAccount::fetch(tx, vec![id]).await?.remove(&id);
        let found = found.ok_or_else(|| Error::not_found("bankAccount", "bank account"))?;
        if !found.active {
            let message = "This bank account is not in use any more.";
            return Err(Error::refuse(UserErrorCode::State, "bankAccount", message));
        }
    }
    let tenant = tx.tenant()?;
    // The row of a client is made once; whoever comes second waits for it and finds it.
    tx.exec(
        diesel::insert_into(seller_profile::table)
            .values((seller_profile::tenant_id.eq(tenant), seller_profile::id.eq(new_uuid())))
            .on_conflict_do_nothing(),
    )
    .await?;
    let found: SellerProfile = tx
        .row(
            seller_profile::table
                .filter(seller_profile::tenant_id.eq(tenant))
                .select(SellerProfile::as_select())
                .for_update(),
        )
        .await?;
    expect_version(input.expected_version, found.version, "profile")?;
    let changes = Changes {
        street: input.street.into(),
        postal_code: input.postal_code.into(),
        city: input.city.into(),
        tax_number: input.tax_number.into(),
        registration: input.registration.into(),
        electronic_address: input.electronic_address.into(),
        bank_account_id: input.bank_account.into(),
        check_at_issue: input.check_at_issue.into(),
    };
    tx.row(
        diesel::update(seller_profile::table)
            .filter(seller_profile::tenant_id.eq(tenant))
            // Setting a column to itself keeps an empty change a statement, which counts a version and says so.
            .set((changes, seller_profile::id.eq(seller_profile::id)))
            .returning(SellerProfile::as_returning()),
    )
    .await
}

/// Queries about how the client names itself.
#[derive(Default)]
pub struct SellerProfileQuery;

#[Object]
impl SellerProfileQuery {
    /// How the client names itself on electronic invoices; null if nobody has said it yet. Right:
    /// `finance.invoice.read`.
    async fn seller_profile(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<SellerProfile>> {
        Ok(find(ctx.tx(Can::InvoiceRead).await?).await?)
    }
}

/// Changes of how the client names itself.
#[derive(Default)]
pub struct SellerProfileMutation;

#[Object]
impl SellerProfileMutation {
    /// Says how the client names itself on electronic invoices: what is omitted stays, null clears. Right:
    /// `finance.invoice.issue`.
    async fn seller_profile_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: SellerProfileUpdateInput,
    ) -> async_graphql::Result<Option<SellerProfilePayload>> {
        let tx = ctx.tx(Can::InvoiceIssue).await?;
        SellerProfilePayload::settle(ctx, update(tx, input).await)
    }
}
