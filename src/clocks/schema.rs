//! The tables of this department as diesel sees them, written from the catalog; a test compares them.
#![allow(missing_docs)]

diesel::table! {
    core.business_calendar (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        time_zone -> Text,
        region -> Nullable<Text>,
        hours -> Array<Int4>,
        is_default -> Bool,
        deleted_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
        follows_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    core.calendar_exception (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        calendar_id -> Uuid,
        day -> Date,
        name -> Text,
        hours -> Array<Int4>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    core.clock (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        calendar_id -> Uuid,
        node_type -> Text,
        node_id -> Uuid,
        name -> Text,
        target_seconds -> Nullable<Int8>,
        state -> Text,
        started_at -> Timestamptz,
        stopped_at -> Nullable<Timestamptz>,
        due_at -> Nullable<Timestamptz>,
        breached_at -> Nullable<Timestamptz>,
        counted_seconds -> Nullable<Int8>,
        account -> Nullable<Jsonb>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    core.clock_interval (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        clock_id -> Uuid,
        number -> Int4,
        reason -> Nullable<Text>,
        note -> Nullable<Text>,
        begins_at -> Timestamptz,
        ends_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    core.clock_watch (clock_id) {
        clock_id -> Uuid,
        client_id -> Uuid,
        due_at -> Nullable<Timestamptz>,
        told_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    core.provider_calendar (id) {
        id -> Uuid,
        name -> Text,
        time_zone -> Nullable<Text>,
        region -> Nullable<Text>,
        hours -> Array<Int4>,
        exceptions -> Jsonb,
        deleted_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    core.calendar_renewal (client_id, calendar_id) {
        client_id -> Uuid,
        calendar_id -> Uuid,
        due_at -> Timestamptz,
    }
}
