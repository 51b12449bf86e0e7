//! The tables of this department as diesel sees them, written from the catalog; a test compares them.
#![allow(missing_docs)]

diesel::table! {
    core.client_edge (client_id) {
        client_id -> Uuid,
        portal_origins -> Array<Text>,
        changed_at -> Timestamptz,
        only_persisted_documents -> Bool,
    }
}

diesel::table! {
    core.event (tenant_id, position) {
        tenant_id -> Uuid,
        position -> Int8,
        id -> Uuid,
        kind -> Text,
        node_type -> Text,
        node_id -> Uuid,
        actor_kind -> Text,
        actor_id -> Nullable<Uuid>,
        request_id -> Nullable<Uuid>,
        occurred_at -> Timestamptz,
        version -> Nullable<Int4>,
        change_id -> Nullable<Uuid>,
        depth -> Int4,
    }
}

diesel::table! {
    core.event_head (tenant_id) {
        tenant_id -> Uuid,
        position -> Int8,
    }
}

diesel::table! {
    core.file (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        purpose -> Text,
        state -> Text,
        object_key -> Text,
        size -> Nullable<Int8>,
        sha256 -> Nullable<Text>,
        media_type -> Nullable<Text>,
        received_at -> Nullable<Timestamptz>,
        refused_for -> Nullable<Text>,
        expires_at -> Nullable<Timestamptz>,
        removed_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
        rights -> Array<Text>,
        only_for -> Nullable<Uuid>,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    core.file_check (file_id) {
        file_id -> Uuid,
        until -> Timestamptz,
    }
}

diesel::table! {
    core.idempotency (tenant_id, actor_id, key) {
        tenant_id -> Uuid,
        actor_id -> Uuid,
        key -> Text,
        request_hash -> Binary,
        answer -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    core.number_series (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        series -> Text,
        prefix -> Text,
        last_number -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    core.provider_idempotency (actor_id, key_hash) {
        actor_id -> Uuid,
        key_hash -> Binary,
        request_hash -> Binary,
        answer -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    core.tenant (id) {
        id -> Uuid,
        created_at -> Timestamptz,
        rights_edition -> Int8,
    }
}

diesel::table! {
    core.job (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        state -> Text,
        args -> Jsonb,
        checkpoint -> Nullable<Jsonb>,
        result -> Nullable<Jsonb>,
        error_code -> Nullable<Text>,
        error -> Nullable<Text>,
        done -> Int8,
        total -> Nullable<Int8>,
        attempts -> Int4,
        requester_id -> Uuid,
        requester_kind -> Text,
        requester_name -> Text,
        scopes -> Nullable<Array<Text>>,
        run_at -> Timestamptz,
        started_at -> Nullable<Timestamptz>,
        ended_at -> Nullable<Timestamptz>,
        cancel_asked_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    core.job_attempt (tenant_id, job_id, number) {
        tenant_id -> Uuid,
        job_id -> Uuid,
        number -> Int4,
        outcome -> Text,
        error_code -> Nullable<Text>,
        error -> Nullable<Text>,
        started_at -> Timestamptz,
        ended_at -> Timestamptz,
    }
}

diesel::table! {
    core.job_problem (tenant_id, job_id, number) {
        tenant_id -> Uuid,
        job_id -> Uuid,
        number -> Int4,
        line -> Int4,
        column_name -> Nullable<Text>,
        code -> Text,
        message -> Text,
    }
}

diesel::table! {
    core.job_queue (job_id) {
        job_id -> Uuid,
        client_id -> Nullable<Uuid>,
        lane -> Uuid,
        kind -> Text,
        requester_id -> Nullable<Uuid>,
        requester_kind -> Nullable<Text>,
        scopes -> Nullable<Array<Text>>,
        due_at -> Timestamptz,
        token -> Nullable<Uuid>,
        worker -> Nullable<Uuid>,
        begun_at -> Nullable<Timestamptz>,
        failures -> Int4,
        losses -> Int4,
    }
}

diesel::table! {
    core.job_turn (lane) {
        lane -> Uuid,
        served_at -> Timestamptz,
    }
}

diesel::table! {
    core.provider_job (id) {
        id -> Uuid,
        kind -> Text,
        state -> Text,
        args -> Jsonb,
        checkpoint -> Nullable<Jsonb>,
        result -> Nullable<Jsonb>,
        error_code -> Nullable<Text>,
        error -> Nullable<Text>,
        done -> Int8,
        total -> Nullable<Int8>,
        attempts -> Int4,
        run_at -> Timestamptz,
        started_at -> Nullable<Timestamptz>,
        ended_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    core.archive_exception (table_name) {
        table_name -> Text,
        reason -> Text,
    }
}

diesel::table! {
    core.archive_column (table_name, column_name) {
        table_name -> Text,
        column_name -> Text,
        goes -> Bool,
        reason -> Text,
    }
}

diesel::table! {
    core.archive_reference (table_name) {
        table_name -> Text,
        key_column -> Text,
        names -> Array<Text>,
    }
}
