//! The tables of this department as diesel sees them, written from the catalog; a test compares them.
#![allow(missing_docs)]

diesel::table! {
    practice.approval_subject (subject) {
        subject -> Text,
        facts -> Text,
        together -> Nullable<Text>,
    }
}

diesel::table! {
    practice.approval_policy (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        subject -> Text,
        name -> Text,
        edition -> Int4,
        ended_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.approval_edition (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        policy_id -> Uuid,
        number -> Int4,
        on_edit -> Text,
        split_days -> Nullable<Int4>,
        expires_after_hours -> Nullable<Int4>,
        made_by -> Uuid,
        made_by_name -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.approval_band (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        edition_id -> Uuid,
        number -> Int4,
        currency -> Text,
        above -> Nullable<Numeric>,
        up_to -> Nullable<Numeric>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.approval_step (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        band_id -> Uuid,
        number -> Int4,
        stage -> Int4,
        needed -> Int4,
        escalate_after_hours -> Nullable<Int4>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.approval_approver (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        step_id -> Uuid,
        role_id -> Nullable<Uuid>,
        account_id -> Nullable<Uuid>,
        on_escalation -> Bool,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.approval_delegation (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        delegator_id -> Uuid,
        delegate_id -> Uuid,
        subject -> Nullable<Text>,
        most -> Nullable<Numeric>,
        currency -> Nullable<Text>,
        from_on -> Date,
        until_on -> Date,
        ended_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.approval_request (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        subject -> Text,
        record_id -> Uuid,
        edition_id -> Uuid,
        band_id -> Uuid,
        title -> Text,
        counterparty -> Nullable<Text>,
        amount -> Nullable<Numeric>,
        currency -> Nullable<Text>,
        counted -> Nullable<Numeric>,
        counted_in -> Nullable<Text>,
        together -> Array<Numeric>,
        fingerprint -> Text,
        note -> Text,
        state -> Text,
        ended_for -> Nullable<Text>,
        requested_by -> Uuid,
        requested_by_name -> Text,
        expires_at -> Nullable<Timestamptz>,
        ended_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.approval_request_step (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        request_id -> Uuid,
        step_id -> Uuid,
        number -> Int4,
        stage -> Int4,
        needed -> Int4,
        state -> Text,
        work_item_id -> Nullable<Uuid>,
        opened_at -> Nullable<Timestamptz>,
        escalate_at -> Nullable<Timestamptz>,
        escalated_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.approval_decision (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        request_id -> Uuid,
        request_step_id -> Uuid,
        verdict -> Text,
        decided_by -> Uuid,
        decided_by_name -> Text,
        seat_of -> Uuid,
        delegation_id -> Nullable<Uuid>,
        comment -> Text,
        created_at -> Timestamptz,
    }
}
