//! The tables of this department as diesel sees them, written from the catalog; a test compares them.
#![allow(missing_docs)]

diesel::table! {
    core.rule_lane (client_id, rule_id) {
        client_id -> Uuid,
        rule_id -> Uuid,
        active -> Bool,
        number -> Int4,
        publisher_id -> Uuid,
        kinds -> Array<Text>,
        position -> Int8,
        failures -> Int4,
        due_at -> Timestamptz,
    }
}

diesel::table! {
    practice.rule (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        record_type -> Text,
        latest -> Int4,
        armed -> Nullable<Int4>,
        armed_from -> Int8,
        armed_by -> Nullable<Uuid>,
        armed_at -> Nullable<Timestamptz>,
        blocked_for -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.rule_run (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        rule_id -> Uuid,
        number -> Int4,
        event_id -> Uuid,
        event_kind -> Text,
        record_id -> Uuid,
        depth -> Int4,
        outcome -> Text,
        reason -> Text,
        input -> Nullable<Jsonb>,
        effects -> Jsonb,
        duration_micros -> Int8,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.rule_standing (tenant_id, rule_id, record_id) {
        tenant_id -> Uuid,
        rule_id -> Uuid,
        record_id -> Uuid,
        holds -> Bool,
        position -> Int8,
    }
}

diesel::table! {
    practice.rule_version (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        rule_id -> Uuid,
        number -> Int4,
        kinds -> Array<Text>,
        condition -> Text,
        actions -> Jsonb,
        publisher_id -> Uuid,
        publisher_kind -> Text,
        publisher_name -> Text,
        scopes -> Nullable<Array<Text>>,
        created_at -> Timestamptz,
    }
}
