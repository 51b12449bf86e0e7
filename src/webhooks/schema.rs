//! The tables of this department as diesel sees them, written from the catalog; a test compares them.
#![allow(missing_docs)]

diesel::table! {
    core.webhook_attempt (tenant_id, delivery_id, number) {
        tenant_id -> Uuid,
        delivery_id -> Uuid,
        number -> Int4,
        started_at -> Timestamptz,
        latency_ms -> Int4,
        outcome -> Text,
        status -> Nullable<Int4>,
        answer -> Nullable<Text>,
    }
}

diesel::table! {
    core.webhook_delivery (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        seq -> Int8,
        endpoint_id -> Uuid,
        message_id -> Uuid,
        kind -> Text,
        node_type -> Nullable<Text>,
        node_id -> Nullable<Uuid>,
        position -> Nullable<Int8>,
        occurred_at -> Timestamptz,
        state -> Text,
        attempts -> Int4,
        tries -> Int4,
        first_tried_at -> Nullable<Timestamptz>,
        next_attempt_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        replay_of -> Nullable<Uuid>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    core.webhook_endpoint (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        url -> Text,
        kinds -> Array<Text>,
        state -> Text,
        paused_for -> Nullable<Text>,
        paused_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    core.webhook_lane (client_id, endpoint_id) {
        client_id -> Uuid,
        endpoint_id -> Uuid,
        active -> Bool,
        position -> Int8,
        open -> Int4,
        due_at -> Nullable<Timestamptz>,
        held_until -> Nullable<Timestamptz>,
        lease -> Nullable<Uuid>,
        leased_until -> Nullable<Timestamptz>,
        failures -> Int4,
        failing_since -> Nullable<Timestamptz>,
        last_success_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    core.webhook_secret (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        endpoint_id -> Uuid,
        sealed -> Binary,
        expires_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}
