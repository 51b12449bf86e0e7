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
