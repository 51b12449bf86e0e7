//! Records that are perhaps one and the same: alike in the fields that the register names, but for spelling.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, SimpleObject};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Int4, Jsonb, Uuid as SqlUuid};
use uuid::Uuid;

use super::ids::RegisterRecordId;
use super::record::RegisterRecord;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// Another record that is perhaps the same.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct RegisterDuplicate {
    #[graphql(skip)]
    other: RegisterRecordId,
    /// The keys of the fields in which both are alike.
    pub fields: Vec<String>,
}

#[ComplexObject]
impl RegisterDuplicate {
    /// The other record.
    async fn record(&self, ctx: &Context<'_>) -> async_graphql::Result<RegisterRecord> {
        let record = ctx.load::<RegisterRecord>(self.other).await?;
        Ok(record.ok_or_else(|| Error::fault("a record that is alike is gone"))?)
    }

    /// Why it is taken for one, as a sentence.
    async fn reason(&self) -> String {
        format!(
            "Both say the same in {}, but for case, accents, punctuation and the order of words.",
            self.fields.join(" and ")
        )
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    record_id: RegisterRecordId,
    #[diesel(sql_type = SqlUuid)]
    other: RegisterRecordId,
    #[diesel(sql_type = Int4)]
    rule: i32,
    #[diesel(sql_type = Jsonb)]
    rules: serde_json::Value,
}

impl Fetch for RegisterDuplicate {
    type Key = RegisterRecordId;
    type Value = Vec<Self>;
    const CAN: Can = Can::RegisterRead;

    async fn fetch(tx: &Tx, keys: Vec<RegisterRecordId>) -> Result<HashMap<RegisterRecordId, Vec<Self>>> {
        let ids: Vec<Uuid> = keys.into_iter().map(|key| key.0).collect();
        let rows: Vec<Row> = tx
            .rows(
                sql("SELECT w.id AS record_id, o.other, o.rule, g.definition -> 'duplicates' AS rules
                       FROM unnest($2::uuid[]) AS w (id)
                       JOIN practice.register_record r ON r.tenant_id = $1 AND r.id = w.id
                       JOIN practice.register g ON g.tenant_id = $1 AND g.id = r.register_id
                       CROSS JOIN LATERAL (
                         SELECT b.record_id AS other, min(b.rule) AS rule
                           FROM practice.register_likeness a
                           JOIN practice.register_likeness b ON b.tenant_id = $1 AND b.register_id = a.register_id AND b.rule = a.rule
                                                            AND b.likeness = a.likeness AND b.record_id <> a.record_id
                          WHERE a.tenant_id = $1 AND a.record_id = w.id
                          GROUP BY b.record_id ORDER BY 2, 1 LIMIT 20) o
                      ORDER BY 1, 3, 2")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(ids),
            )
            .await?;
        let mut found: HashMap<RegisterRecordId, Vec<Self>> = HashMap::new();
        for row in rows {
            let rules: Vec<Vec<String>> = serde_json::from_value(row.rules).map_err(Error::fault)?;
            let at = usize::try_from(row.rule).unwrap_or_default().saturating_sub(1);
            let fields = rules.into_iter().nth(at).unwrap_or_default();
            found.entry(row.record_id).or_default().push(Self { other: row.other, fields });
        }
        Ok(found)
    }
}
