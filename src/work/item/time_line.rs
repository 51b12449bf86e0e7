//! What became of a work item, as the audit trail has it.

use std::collections::HashMap;

use async_graphql::{ComplexObject, SimpleObject};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Nullable, Text, Timestamptz, Uuid as SqlUuid};

use super::WorkItemState;
use crate::platform::caller::ActorKind;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::ids::known::WorkItemId;
use crate::platform::scalars::DateTime;
use crate::platform::sql::sql;

/// One change of a work item.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct WorkItemChange {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    item_id: WorkItemId,
    /// When it was done.
    #[diesel(sql_type = Timestamptz)]
    pub occurred_at: DateTime,
    /// What kind of actor did it.
    #[diesel(sql_type = Text)]
    pub actor_kind: ActorKind,
    /// The actor's name at that time.
    #[diesel(sql_type = Text)]
    pub actor_name: String,
    /// Where it stood before; null if it was opened by this.
    #[diesel(sql_type = Nullable<Text>)]
    pub state_before: Option<WorkItemState>,
    /// Where it stood afterwards.
    #[diesel(sql_type = Text)]
    pub state: WorkItemState,
    #[diesel(sql_type = Array<Text>)]
    #[graphql(skip)]
    columns: Vec<String>,
}

/// Which field shows what a column keeps; columns of no field are left out.
fn shown(column: &str) -> Option<&'static str> {
    Some(match column {
        "title" => "title",
        "description" => "description",
        "state" => "state",
        "priority" => "priority",
        "due_on" => "dueOn",
        "assignee_id" => "assignee",
        "team_id" => "team",
        "record_id" => "record",
        "service_code" => "service",
        "visible_to_client" => "visibleToClient",
        "waiting_for" => "waitingFor",
        _ => return None,
    })
}

#[ComplexObject]
impl WorkItemChange {
    /// The fields that changed, by their names; none if it was opened by this.
    async fn fields(&self) -> Vec<&'static str> {
        self.columns.iter().filter_map(|column| shown(column)).collect()
    }
}

impl Fetch for WorkItemChange {
    type Key = WorkItemId;
    type Value = Vec<Self>;
    const CAN: Can = Can::WorkItemRead;

    async fn fetch(tx: &Tx, keys: Vec<WorkItemId>) -> Result<HashMap<WorkItemId, Vec<Self>>> {
        let rows: Vec<Self> = tx
            .rows(
                sql("SELECT e.record_id AS item_id, e.occurred_at, e.actor_kind, e.actor_name, e.before ->> 'state' AS state_before,
                            e.after ->> 'state' AS state,
                            ARRAY (SELECT f.key FROM jsonb_each(e.after) AS f
                                    WHERE e.before IS NOT NULL AND e.before -> f.key IS DISTINCT FROM f.value ORDER BY f.key) AS columns
                       FROM unnest($2::uuid[]) AS k (id)
                      CROSS JOIN LATERAL (
                        SELECT a.* FROM audit.entry a
                         WHERE a.tenant_id = $1 AND a.record_id = k.id AND a.table_name = 'practice.work_item' AND a.after IS NOT NULL
                         ORDER BY a.id DESC LIMIT 100) e
                      ORDER BY e.id DESC")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut by_item: HashMap<WorkItemId, Vec<Self>> = HashMap::new();
        for row in rows {
            by_item.entry(row.item_id).or_default().push(row);
        }
        Ok(by_item)
    }
}
