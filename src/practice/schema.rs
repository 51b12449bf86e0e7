//! The tables of this department as diesel sees them, written from the catalog; a test compares them.
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
        closes_at -> Nullable<Timestamptz>,
        status -> Text,
        engagement_required -> Bool,
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
    practice.service (code) {
        code -> Text,
        name -> Text,
        created_at -> Timestamptz,
        covers -> Array<Text>,
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

diesel::table! {
    practice.client_offboarding (id) {
        id -> Uuid,
        client_id -> Uuid,
        client_name -> Text,
        time_zone -> Text,
        last_day -> Date,
        closes_at -> Timestamptz,
        reason -> Text,
        announced_by -> Text,
        withdrawn_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        keep_until -> Nullable<Date>,
        purge_reason -> Nullable<Text>,
        purge_lifts_holds -> Nullable<Bool>,
        purge_proposed_by -> Nullable<Uuid>,
        purge_proposed_by_name -> Nullable<Text>,
        purge_proposed_at -> Nullable<Timestamptz>,
        purge_confirmed_by_name -> Nullable<Text>,
        purge_confirmed_at -> Nullable<Timestamptz>,
        purged_at -> Nullable<Timestamptz>,
        certificate -> Nullable<Jsonb>,
    }
}

diesel::table! {
    practice.client_status_change (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        from_status -> Text,
        to_status -> Text,
        reason -> Text,
        moved_by -> Uuid,
        moved_by_name -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.client_group (id) {
        id -> Uuid,
        name -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.client_group_member (group_id, client_id) {
        group_id -> Uuid,
        client_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.client_contact (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        function -> Text,
        email -> Nullable<Text>,
        phone -> Nullable<Text>,
        language -> Nullable<Text>,
        topics -> Array<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.skill (code) {
        code -> Text,
        name -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.staff_skill (id) {
        id -> Uuid,
        account_id -> Uuid,
        skill_code -> Text,
        level -> Int4,
        from_on -> Date,
        until_on -> Nullable<Date>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.service_skill (service_code, skill_code) {
        service_code -> Text,
        skill_code -> Text,
        least_level -> Int4,
        on_missing -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.staff_hours (account_id, from_on) {
        account_id -> Uuid,
        from_on -> Date,
        hours -> Numeric,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.staff_absence (id) {
        id -> Uuid,
        account_id -> Uuid,
        from_on -> Date,
        until_on -> Date,
        note -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.onboarding_template (id) {
        id -> Uuid,
        name -> Text,
        content -> Jsonb,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}
