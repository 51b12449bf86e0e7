//! Tables of the schema `practice`, written from the catalog; a test compares them.
#![allow(missing_docs)]

diesel::table! {
    practice.client (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        country -> Text,
        currency -> Text,
        time_zone -> Text,
        fiscal_year_start_month -> Int2,
        vat_number -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
        portal_origins -> Array<Text>,
        only_persisted_documents -> Bool,
        most_file_bytes -> Nullable<Int8>,
    }
}

diesel::table! {
    practice.document_manifest (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        portal -> Text,
        hashes -> Array<Text>,
        retired_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.portal_document (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        sha256 -> Text,
        body -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.team (id) {
        id -> Uuid,
        name -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.team_member (id) {
        id -> Uuid,
        team_id -> Uuid,
        account_id -> Uuid,
        from_on -> Date,
        until_on -> Nullable<Date>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.work_item (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        title -> Text,
        description -> Text,
        state -> Text,
        priority -> Text,
        due_on -> Nullable<Date>,
        queue_on -> Date,
        assignee_id -> Nullable<Uuid>,
        team_id -> Nullable<Uuid>,
        record_prefix -> Nullable<Text>,
        record_id -> Nullable<Uuid>,
        visible_to_client -> Bool,
        waiting_for -> Nullable<Text>,
        closed_at -> Nullable<Timestamptz>,
        closed_by -> Nullable<Uuid>,
        created_by -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
        service_code -> Nullable<Text>,
    }
}

diesel::table! {
    practice.work_check (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        item_id -> Uuid,
        number -> Int4,
        body -> Text,
        done_at -> Nullable<Timestamptz>,
        done_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.work_dependency (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        item_id -> Uuid,
        needs_id -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.work_comment (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        item_id -> Uuid,
        author_id -> Uuid,
        author_name -> Text,
        body -> Text,
        internal -> Bool,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.work_watcher (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        item_id -> Uuid,
        account_id -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.work_notice (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        account_id -> Uuid,
        item_id -> Uuid,
        cause -> Text,
        actor_name -> Text,
        read_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.service (code) {
        code -> Text,
        name -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.engagement (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        from_on -> Date,
        until_on -> Nullable<Date>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.engagement_service (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        engagement_id -> Uuid,
        service_code -> Text,
        from_on -> Date,
        until_on -> Nullable<Date>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}
