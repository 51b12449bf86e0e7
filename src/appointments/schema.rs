//! The tables of this department as diesel sees them, written from the catalog; a test compares them.
#![allow(missing_docs)]

diesel::table! {
    practice.appointment_calendar (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        kind -> Text,
        account_id -> Nullable<Uuid>,
        hours_id -> Uuid,
        buffer_before -> Int4,
        buffer_after -> Int4,
        notice -> Int4,
        lead_days -> Int4,
        deleted_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.appointment (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        uid -> Text,
        title -> Text,
        description -> Text,
        location -> Text,
        time_zone -> Text,
        starts_wall -> Timestamp,
        minutes -> Int4,
        rule -> Nullable<Text>,
        month_end -> Bool,
        added -> Array<Timestamp>,
        left_out -> Array<Timestamp>,
        state -> Text,
        sequence -> Int4,
        laid_until -> Nullable<Timestamptz>,
        continues_id -> Nullable<Uuid>,
        record_prefix -> Nullable<Text>,
        record_id -> Nullable<Uuid>,
        visible_to_client -> Bool,
        created_by -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.appointment_use (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        appointment_id -> Uuid,
        calendar_id -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.appointment_occurrence (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        appointment_id -> Uuid,
        wall -> Timestamp,
        starts_at -> Timestamptz,
        ends_at -> Timestamptz,
        state -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.appointment_hold (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        occurrence_id -> Uuid,
        calendar_id -> Uuid,
        busy_from -> Timestamptz,
        busy_until -> Timestamptz,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.appointment_attendee (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        appointment_id -> Uuid,
        email -> Text,
        name -> Text,
        answer -> Text,
        answered_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.appointment_feed (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        calendar_id -> Uuid,
        name -> Text,
        token_hash -> Binary,
        revoked_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::allow_tables_to_appear_in_same_query!(appointment, appointment_occurrence, appointment_use);
