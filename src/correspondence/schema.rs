//! The tables of this department as diesel sees them, written from the catalog; a test compares them.
#![allow(missing_docs)]

diesel::table! {
    practice.letter_template (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        code -> Text,
        name -> Text,
        retired -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.letter_template_text (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        template_id -> Uuid,
        language -> Text,
        edition -> Int4,
        subject -> Text,
        body -> Text,
        author_name -> Text,
        created_by -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.correspondence (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        number -> Text,
        direction -> Text,
        channel -> Text,
        state -> Text,
        on_date -> Date,
        subject -> Text,
        body -> Text,
        customer_id -> Nullable<Uuid>,
        vendor_id -> Nullable<Uuid>,
        correspondent -> Text,
        postal_address -> Nullable<Text>,
        email -> Nullable<Text>,
        reply_to_id -> Nullable<Uuid>,
        thread_id -> Uuid,
        template_text_id -> Nullable<Uuid>,
        record_prefix -> Nullable<Text>,
        record_id -> Nullable<Uuid>,
        visible_to_client -> Bool,
        void_reason -> Nullable<Text>,
        voided_at -> Nullable<Timestamptz>,
        created_by -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
        author_name -> Nullable<Text>,
    }
}

diesel::table! {
    practice.correspondence_file (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        entry_id -> Uuid,
        file_id -> Uuid,
        created_at -> Timestamptz,
        declared_type -> Nullable<Text>,
        misleads -> Bool,
    }
}

diesel::table! {
    practice.letter_branding (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        sender_line -> Text,
        color -> Text,
        footer -> Text,
        logo_file_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.correspondence_mail (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        entry_id -> Uuid,
        state -> Text,
        with_files -> Bool,
        message_id -> Nullable<Text>,
        failures -> Int4,
        problem -> Nullable<Text>,
        sent_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
        delivery -> Text,
        delivery_note -> Nullable<Text>,
        delivery_told_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    practice.inbound_address (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        token -> Text,
        revoked_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.correspondence_received (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        entry_id -> Uuid,
        address_id -> Nullable<Uuid>,
        message_key -> Text,
        message_id -> Nullable<Text>,
        digest -> Text,
        sender_name -> Text,
        written_at -> Nullable<Timestamptz>,
        automatic -> Bool,
        sealing -> Text,
        problem -> Nullable<Text>,
        notes -> Array<Text>,
        raw_file_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    core.mailbox_turn (mailbox) {
        mailbox -> Text,
        reader -> Nullable<Uuid>,
        held_until -> Nullable<Timestamptz>,
        failures -> Int4,
        next_turn_at -> Timestamptz,
    }
}
