//! The tables of this module as diesel sees them, written from the catalog; a test compares them.
#![allow(missing_docs)]

diesel::table! {
    audit.chain (tenant_id) {
        tenant_id -> Uuid,
        seq -> Int8,
        hash -> Binary,
    }
}

diesel::table! {
    audit.entry (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Int8,
        change_id -> Uuid,
        occurred_at -> Timestamptz,
        actor_id -> Nullable<Uuid>,
        actor_kind -> Text,
        actor_name -> Text,
        request_id -> Nullable<Uuid>,
        table_name -> Text,
        record_id -> Uuid,
        action -> Text,
        before -> Nullable<Jsonb>,
        after -> Nullable<Jsonb>,
    }
}

diesel::table! {
    audit.link (tenant_id, seq) {
        tenant_id -> Uuid,
        seq -> Int8,
        change_id -> Uuid,
        first_entry -> Int8,
        last_entry -> Int8,
        entries -> Int4,
        sealed_at -> Timestamptz,
        hash -> Binary,
    }
}
