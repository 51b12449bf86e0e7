//! The tables of this department as diesel sees them, written from the catalog; a test compares them.
#![allow(missing_docs)]

diesel::table! {
    practice.signature_request (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        document_id -> Uuid,
        version_id -> Uuid,
        version_number -> Int4,
        file_id -> Uuid,
        file_name -> Text,
        document_sha256 -> Text,
        rights -> Array<Text>,
        title -> Text,
        message -> Text,
        state -> Text,
        step -> Int4,
        expires_at -> Timestamptz,
        remind_after -> Array<Int4>,
        requested_by -> Uuid,
        requested_by_name -> Text,
        sent_at -> Nullable<Timestamptz>,
        ended_at -> Nullable<Timestamptz>,
        reason -> Nullable<Text>,
        events -> Int4,
        head -> Text,
        evidence_file_id -> Nullable<Uuid>,
        evidence_sha256 -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
        evidence_pdf_file_id -> Nullable<Uuid>,
        evidence_pdf_sha256 -> Nullable<Text>,
    }
}

diesel::table! {
    practice.signature_signer (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        request_id -> Uuid,
        number -> Int4,
        step -> Int4,
        account_id -> Nullable<Uuid>,
        name -> Text,
        email -> Text,
        state -> Text,
        opened_at -> Nullable<Timestamptz>,
        acted_at -> Nullable<Timestamptz>,
        typed_name -> Nullable<Text>,
        words -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.signature_event (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        request_id -> Uuid,
        number -> Int4,
        kind -> Text,
        signer_number -> Nullable<Int4>,
        actor_name -> Text,
        account_id -> Nullable<Uuid>,
        email -> Nullable<Text>,
        address -> Nullable<Text>,
        agent -> Nullable<Text>,
        document_sha256 -> Text,
        detail -> Jsonb,
        occurred_at -> Timestamptz,
        hash -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.signature_link (token_hash) {
        token_hash -> Binary,
        client_id -> Uuid,
        request_id -> Uuid,
        signer_id -> Uuid,
        revoked_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}
