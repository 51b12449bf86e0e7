//! The tables of this department as diesel sees them, written from the catalog; a test compares them.
#![allow(missing_docs)]

diesel::table! {
    core.notice_lane (client_id) {
        client_id -> Uuid,
        position -> Int8,
    }
}

diesel::table! {
    core.notice_waiting (account_id, client_id) {
        account_id -> Uuid,
        client_id -> Uuid,
        since -> Timestamptz,
    }
}

diesel::table! {
    core.record_sight (node_type) {
        node_type -> Text,
        home -> Text,
        condition -> Text,
    }
}

diesel::table! {
    core.record_type (node_type) {
        node_type -> Text,
        home -> Text,
    }
}

diesel::table! {
    practice.comment (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        record_type -> Text,
        record_id -> Uuid,
        author_id -> Uuid,
        author_kind -> Text,
        author_name -> Text,
        body -> Text,
        visible_to_client -> Bool,
        reply_to_id -> Nullable<Uuid>,
        edited_at -> Nullable<Timestamptz>,
        deleted_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.record_watch (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        account_id -> Uuid,
        record_type -> Text,
        record_id -> Uuid,
        muted -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.notice (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        account_id -> Uuid,
        record_type -> Text,
        record_id -> Uuid,
        cause -> Text,
        comment_id -> Nullable<Uuid>,
        event_id -> Nullable<Uuid>,
        event_kind -> Nullable<Text>,
        actor_name -> Text,
        read_at -> Nullable<Timestamptz>,
        mail_job_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.notice_preference (account_id) {
        account_id -> Uuid,
        mail -> Text,
        hour -> Int4,
        time_zone -> Text,
        since -> Timestamptz,
        next_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}
