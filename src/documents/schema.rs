//! The tables of this department as diesel sees them, written from the catalog; a test compares them.
#![allow(missing_docs)]

diesel::table! {
    practice.document_type (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        fields -> Jsonb,
        rights -> Array<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.document_folder (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        parent_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.document (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        title -> Text,
        type_id -> Uuid,
        folder_id -> Nullable<Uuid>,
        fields -> Jsonb,
        tags -> Array<Text>,
        rights -> Array<Text>,
        visible_to_client -> Bool,
        retain_from -> Date,
        archived_on -> Nullable<Date>,
        trashed_on -> Nullable<Date>,
        created_by -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.document_version (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        document_id -> Uuid,
        number -> Int4,
        file_id -> Uuid,
        note -> Text,
        deleted_at -> Nullable<Timestamptz>,
        deleted_by -> Nullable<Uuid>,
        created_by -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
        text_state -> Text,
        text_note -> Nullable<Text>,
    }
}

diesel::table! {
    practice.document_text (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        document_id -> Uuid,
        body -> Text,
        created_at -> Timestamptz,
    }
}

/// Types that diesel does not know.
pub mod sql_types {
    /// The words of a text, as PostgreSQL searches them.
    #[derive(diesel::sql_types::SqlType, diesel::query_builder::QueryId)]
    #[diesel(postgres_type(name = "tsvector"))]
    pub struct Tsvector;
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Tsvector;

    practice.document_search (document_id) {
        document_id -> Uuid,
        client_id -> Uuid,
        words -> Tsvector,
        rights -> Array<Text>,
        trashed -> Bool,
    }
}

diesel::table! {
    practice.document_link (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        document_id -> Uuid,
        record_prefix -> Text,
        record_id -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.document_share (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        document_id -> Uuid,
        version_id -> Nullable<Uuid>,
        token_hash -> Binary,
        password_hash -> Nullable<Text>,
        expires_at -> Timestamptz,
        most_downloads -> Nullable<Int4>,
        downloads -> Int4,
        failures -> Int4,
        revoked_at -> Nullable<Timestamptz>,
        created_by -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.share_door (token_hash) {
        token_hash -> Binary,
        client_id -> Uuid,
        share_id -> Uuid,
    }
}

diesel::table! {
    practice.legal_hold (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        reason -> Text,
        released_at -> Nullable<Timestamptz>,
        released_by -> Nullable<Uuid>,
        created_by -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.legal_hold_item (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        hold_id -> Uuid,
        record_prefix -> Text,
        record_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.retention_schedule (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        archive_after -> Nullable<Int4>,
        trash_after -> Nullable<Int4>,
        purge_after -> Nullable<Int4>,
        confirmed -> Bool,
        type_ids -> Array<Uuid>,
        ended_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.disposal (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        document_id -> Uuid,
        title -> Text,
        rights -> Array<Text>,
        rule -> Text,
        proposed_on -> Date,
        proposed_by -> Uuid,
        proposed_by_name -> Text,
        decided_at -> Nullable<Timestamptz>,
        decided_by -> Nullable<Uuid>,
        decided_by_name -> Nullable<Text>,
        purged_on -> Nullable<Date>,
        certificate -> Nullable<Jsonb>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::allow_tables_to_appear_in_same_query!(document, document_link);
