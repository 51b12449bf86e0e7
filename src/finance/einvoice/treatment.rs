//! What a tax code is to EN 16931: its category, and why there is no tax where there is none.

use std::collections::HashMap;

use async_graphql::{Context, InputObject, Object, SimpleObject};
use backoffice_formats::einvoice::Category;
use backoffice_money::Decimal;
use diesel::prelude::*;

use crate::finance::ids::TaxCodeId;
use crate::finance::ledger::tax_code::TaxCode;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::input::sized;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scope::Ask;
use crate::schema::tax_treatment;

crate::platform::words! {
    /// Why and how value added tax is asked for, by UNTDID 5305.
    TaxCategory {
        /// At the usual or a lowered rate (S).
        Standard = "S",
        /// At a rate of zero (Z).
        Zero = "Z",
        /// Exempt (E).
        Exempt = "E",
        /// The buyer owes the tax (AE).
        ReverseCharge = "AE",
        /// Delivered to another country of the union (K).
        IntraCommunity = "K",
        /// Delivered outside of the union (G).
        Export = "G",
        /// Not subject to the tax (O).
        OutOfScope = "O",
        /// The tax of the Canary Islands (L).
        CanaryIslands = "L",
        /// The tax of Ceuta and Melilla (M).
        CeutaMelilla = "M",
    }
}

impl TaxCategory {
    /// The same in a file.
    pub(super) fn in_file(self) -> Category {
        match self {
            Self::Standard => Category::Standard,
            Self::Zero => Category::Zero,
            Self::Exempt => Category::Exempt,
            Self::ReverseCharge => Category::ReverseCharge,
            Self::IntraCommunity => Category::IntraCommunity,
            Self::Export => Category::Export,
            Self::OutOfScope => Category::OutOfScope,
            Self::CanaryIslands => Category::CanaryIslands,
            Self::CeutaMelilla => Category::CeutaMelilla,
        }
    }

    /// Of a code of which nothing is said: `S` above zero, `Z` at zero.
    pub(super) fn by_rate(percent: Decimal) -> Self {
        if percent.is_zero() { Self::Zero } else { Self::Standard }
    }

    /// Whether it says why there is no tax.
    fn explains(self) -> bool {
        !matches!(self, Self::Standard | Self::Zero | Self::CanaryIslands | Self::CeutaMelilla)
    }
}

/// What a tax code is on electronic invoices.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = tax_treatment)]
pub struct TaxTreatment {
    #[graphql(skip)]
    pub(super) tax_code_id: TaxCodeId,
    /// Its category.
    pub category: TaxCategory,
    /// Why there is no tax, in words.
    pub exemption: Option<String>,
    /// The same by the list VATEX.
    pub exemption_code: Option<String>,
}

impl Fetch for TaxTreatment {
    type Key = TaxCodeId;
    type Value = Self;
    const CAN: Can = Can::TaxCodeRead;

    async fn fetch(tx: &Tx, keys: Vec<TaxCodeId>) -> Result<HashMap<TaxCodeId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                tax_treatment::table
                    .filter(tax_treatment::tenant_id.eq(tx.tenant()?))
                    .filter(tax_treatment::tax_code_id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.tax_code_id, row)).collect())
    }
}

/// What a tax code is on electronic invoices from now on.
#[derive(InputObject, Clone, Debug)]
pub struct TaxTreatmentSetInput {
    /// The tax code.
    pub tax_code: TaxCodeId,
    /// Its category. A code of which nothing is said is `STANDARD` above zero and `ZERO` at zero.
    pub category: TaxCategory,
    /// Why there is no tax, in words, 1 to 200 characters: needed for categories without tax other than `ZERO`, unless
    /// there is an `exemptionCode`.
    pub exemption: Option<String>,
    /// The same by the list VATEX, such as `VATEX-EU-AE`, 1 to 40 characters.
    pub exemption_code: Option<String>,
}

crate::platform::payload! {
    /// What became of a tax code.
    TaxTreatmentPayload {
        /// The tax code as it is now.
        tax_code: TaxCode
    }
}

async fn set(tx: &Tx, input: TaxTreatmentSetInput) -> Result<TaxCode> {
    let (exemption, exemption_code) = (input.exemption, input.exemption_code);
    if let Some(text) = &exemption {
        sized("exemption", text, 1..=200)?;
    }
    if let Some(text) = &exemption_code {
        sized("exemptionCode", text, 1..=40)?;
    }
    let told = exemption.is_some() || exemption_code.is_some();
    if told != input.category.explains() {
        let (code, message) = if told {
            (UserErrorCode::Invalid, "In this category there is no exemption to explain.")
        } else {
            (UserErrorCode::Required, "In this category an invoice says why there is no tax.")
        };
        return Err(Error::refuse(code, "exemption", message));
    }
    let id = input.tax_code;
    let code = TaxCode::fetch(tx, vec![id]).await?.remove(&id);
    let code = code.ok_or_else(|| Error::not_found("taxCode", "tax code"))?;
    let said = (
        tax_treatment::category.eq(input.category),
        tax_treatment::exemption.eq(exemption),
        tax_treatment::exemption_code.eq(exemption_code),
    );
    tx.exec(
        diesel::insert_into(tax_treatment::table)
            .values((
                tax_treatment::tenant_id.eq(tx.tenant()?),
                tax_treatment::id.eq(new_uuid()),
                tax_treatment::tax_code_id.eq(id),
                said.clone(),
            ))
            .on_conflict((tax_treatment::tenant_id, tax_treatment::tax_code_id))
            .do_update()
            .set(said),
    )
    .await?;
    emit(tx, EventKind::TaxTreatmentSet, id.0);
    Ok(code)
}

/// Changes of what tax codes are on electronic invoices.
#[derive(Default)]
pub struct TaxTreatmentMutation;

#[Object]
impl TaxTreatmentMutation {
    /// Says what a tax code is on electronic invoices: invoices that come find it by category and rate. Right:
    /// `finance.tax_code.manage`.
    async fn tax_treatment_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The tax code and its category.")] input: TaxTreatmentSetInput,
    ) -> async_graphql::Result<Option<TaxTreatmentPayload>> {
        let tx = ctx.tx(Can::TaxCodeManage).await?;
        TaxTreatmentPayload::settle(ctx, set(tx, input).await)
    }
}
