//! The tables of this department as diesel sees them, written from the catalog; a test compares them.
#![allow(missing_docs)]

diesel::table! {
    identity.access_grant (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        account_id -> Uuid,
        role_id -> Uuid,
        effect -> Text,
        valid_from -> Date,
        valid_until -> Nullable<Date>,
        ended_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
        identity_provider_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    identity.account (id) {
        id -> Uuid,
        email -> Text,
        name -> Text,
        staff -> Bool,
        password_hash -> Nullable<Text>,
        totp_secret -> Nullable<Binary>,
        totp_confirmed -> Bool,
        totp_last_step -> Int8,
        disabled_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        rights_edition -> Int8,
        person_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    identity.account_trail (id) {
        id -> Uuid,
        account_id -> Uuid,
        what -> Text,
        cause_id -> Uuid,
        address -> Text,
        user_agent -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    identity.attempt (id) {
        id -> Int8,
        subject -> Text,
        failed_at -> Timestamptz,
    }
}

diesel::table! {
    identity.device (account_id, digest) {
        account_id -> Uuid,
        digest -> Binary,
        seen_at -> Timestamptz,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    identity.identity_provider (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        issuer -> Text,
        oauth_client -> Text,
        sealed_secret -> Binary,
        scopes -> Array<Text>,
        email_domains -> Array<Text>,
        groups_claim -> Nullable<Text>,
        creates_accounts -> Bool,
        required -> Bool,
        session_hours -> Int4,
        max_age_minutes -> Nullable<Int4>,
        state -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    identity.identity_provider_role (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        identity_provider_id -> Uuid,
        group_name -> Text,
        role_id -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    identity.invitation (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        email -> Text,
        name -> Text,
        role_id -> Uuid,
        secret_hash -> Binary,
        expires_at -> Timestamptz,
        accepted_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    identity.password_reset (hash) {
        hash -> Binary,
        account_id -> Uuid,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    identity.outside_account (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        identity_provider_id -> Uuid,
        subject -> Text,
        account_id -> Uuid,
        last_sign_in_at -> Timestamptz,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    identity.outside_sign_in (state_hash) {
        state_hash -> Binary,
        client_id -> Nullable<Uuid>,
        identity_provider_id -> Uuid,
        issuer -> Text,
        names_issuer -> Bool,
        redirect_uri -> Text,
        return_to -> Text,
        challenge -> Binary,
        sealed -> Binary,
        expires_at -> Timestamptz,
        returned_at -> Nullable<Timestamptz>,
        code_hash -> Nullable<Binary>,
        sealed_code -> Nullable<Binary>,
        completed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    identity.provider_grant (id) {
        account_id -> Uuid,
        role_id -> Uuid,
        created_at -> Timestamptz,
        id -> Uuid,
        identity_provider_id -> Nullable<Uuid>,
        valid_until -> Nullable<Date>,
    }
}

diesel::table! {
    identity.provider_role (id) {
        id -> Uuid,
        name -> Text,
        permissions -> Array<Text>,
        client_permissions -> Array<Text>,
    }
}

diesel::table! {
    identity.provider_trail (id) {
        id -> Int8,
        occurred_at -> Timestamptz,
        actor_id -> Nullable<Uuid>,
        actor_name -> Nullable<Text>,
        request_id -> Nullable<Uuid>,
        record -> Text,
        action -> Text,
        before -> Nullable<Jsonb>,
        after -> Nullable<Jsonb>,
    }
}

diesel::table! {
    identity.refresh_token (hash) {
        hash -> Binary,
        session_id -> Uuid,
        created_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    identity.role (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        permissions -> Array<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    identity.service_account (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        scopes -> Array<Text>,
        secret_hash -> Binary,
        expires_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    identity.session (id) {
        id -> Uuid,
        account_id -> Uuid,
        user_agent -> Text,
        address -> Text,
        created_at -> Timestamptz,
        used_at -> Timestamptz,
        expires_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
        revoked_for -> Nullable<Text>,
        confined_to -> Nullable<Uuid>,
        identity_provider_id -> Nullable<Uuid>,
        came_through -> Nullable<Text>,
        staff_identity_provider_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    identity.signing_key (kid) {
        kid -> Text,
        pkcs8 -> Binary,
        created_at -> Timestamptz,
        retired_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    identity.staff_identity_provider (id) {
        id -> Uuid,
        name -> Text,
        issuer -> Text,
        oauth_client -> Text,
        sealed_secret -> Binary,
        scopes -> Array<Text>,
        email_domains -> Array<Text>,
        groups_claim -> Nullable<Text>,
        creates_accounts -> Bool,
        required -> Bool,
        session_hours -> Int4,
        max_age_minutes -> Nullable<Int4>,
        state -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    identity.staff_identity_provider_role (id) {
        id -> Uuid,
        identity_provider_id -> Uuid,
        group_name -> Text,
        role_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    identity.staff_outside_account (id) {
        id -> Uuid,
        identity_provider_id -> Uuid,
        subject -> Text,
        account_id -> Uuid,
        last_sign_in_at -> Timestamptz,
        created_at -> Timestamptz,
    }
}
