//! Tables of the schema `core`, written from the catalog; a test compares them.
#![allow(missing_docs)]

diesel::table! {
    core.client_edge (client_id) {
        client_id -> Uuid,
        portal_origins -> Array<Text>,
        changed_at -> Timestamptz,
    }
}

diesel::table! {
    core.idempotency (tenant_id, actor_id, key) {
        tenant_id -> Uuid,
        actor_id -> Uuid,
        key -> Text,
        request_hash -> Binary,
        answer -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    core.import (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        file_name -> Text,
        sha256 -> Text,
        lines -> Int4,
        created -> Int4,
        unchanged -> Int4,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    core.number_series (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        series -> Text,
        prefix -> Text,
        last_number -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    core.provider_idempotency (actor_id, key_hash) {
        actor_id -> Uuid,
        key_hash -> Binary,
        request_hash -> Binary,
        answer -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    core.tenant (id) {
        id -> Uuid,
        created_at -> Timestamptz,
        rights_edition -> Int8,
    }
}
