//! Tables of the schema `core`, written from the catalog; a test compares them.
#![allow(missing_docs)]

diesel::table! {
    core.business_calendar (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        time_zone -> Text,
        region -> Nullable<Text>,
        hours -> Array<Int4>,
        is_default -> Bool,
        deleted_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    core.calendar_exception (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        calendar_id -> Uuid,
        day -> Date,
        name -> Text,
        hours -> Array<Int4>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    core.client_edge (client_id) {
        client_id -> Uuid,
        portal_origins -> Array<Text>,
        changed_at -> Timestamptz,
        only_persisted_documents -> Bool,
    }
}

diesel::table! {
    core.clock (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        calendar_id -> Uuid,
        node_type -> Text,
        node_id -> Uuid,
        name -> Text,
        target_seconds -> Nullable<Int8>,
        state -> Text,
        started_at -> Timestamptz,
        stopped_at -> Nullable<Timestamptz>,
        due_at -> Nullable<Timestamptz>,
        breached_at -> Nullable<Timestamptz>,
        counted_seconds -> Nullable<Int8>,
        account -> Nullable<Jsonb>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    core.clock_interval (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        clock_id -> Uuid,
        number -> Int4,
        reason -> Nullable<Text>,
        note -> Nullable<Text>,
        begins_at -> Timestamptz,
        ends_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
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
    core.import (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        file_name -> Text,
        sha256 -> Text,
        lines -> Int4,
        created -> Int4,
        unchanged -> Int4,
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
    core.clock_watch (clock_id) {
        clock_id -> Uuid,
        client_id -> Uuid,
        due_at -> Nullable<Timestamptz>,
        told_at -> Nullable<Timestamptz>,
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
    core.schedule (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        kind -> Text,
        args -> Jsonb,
        cron -> Text,
        time_zone -> Text,
        paused_at -> Nullable<Timestamptz>,
        owner_id -> Uuid,
        owner_kind -> Text,
        owner_name -> Text,
        scopes -> Nullable<Array<Text>>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    core.schedule_turn (tenant_id, schedule_id) {
        tenant_id -> Uuid,
        schedule_id -> Uuid,
        next_due_at -> Nullable<Timestamptz>,
        last_due_at -> Nullable<Timestamptz>,
        last_job_id -> Nullable<Uuid>,
        passed_over -> Int4,
    }
}

diesel::table! {
    core.provider_schedule (id) {
        id -> Uuid,
        name -> Text,
        kind -> Text,
        args -> Jsonb,
        cron -> Text,
        time_zone -> Text,
        paused_at -> Nullable<Timestamptz>,
        next_due_at -> Nullable<Timestamptz>,
        last_due_at -> Nullable<Timestamptz>,
        last_job_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    core.schedule_queue (schedule_id) {
        schedule_id -> Uuid,
        client_id -> Nullable<Uuid>,
        due_at -> Timestamptz,
    }
}

diesel::table! {
    core.webhook_attempt (tenant_id, delivery_id, number) {
        tenant_id -> Uuid,
        delivery_id -> Uuid,
        number -> Int4,
        started_at -> Timestamptz,
        latency_ms -> Int4,
        outcome -> Text,
        status -> Nullable<Int4>,
        answer -> Nullable<Text>,
    }
}

diesel::table! {
    core.webhook_delivery (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        seq -> Int8,
        endpoint_id -> Uuid,
        message_id -> Uuid,
        kind -> Text,
        node_type -> Nullable<Text>,
        node_id -> Nullable<Uuid>,
        position -> Nullable<Int8>,
        occurred_at -> Timestamptz,
        state -> Text,
        attempts -> Int4,
        tries -> Int4,
        first_tried_at -> Nullable<Timestamptz>,
        next_attempt_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        replay_of -> Nullable<Uuid>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    core.webhook_endpoint (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        url -> Text,
        kinds -> Array<Text>,
        state -> Text,
        paused_for -> Nullable<Text>,
        paused_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
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

diesel::table! {
    core.webhook_lane (client_id, endpoint_id) {
        client_id -> Uuid,
        endpoint_id -> Uuid,
        active -> Bool,
        position -> Int8,
        open -> Int4,
        due_at -> Nullable<Timestamptz>,
        held_until -> Nullable<Timestamptz>,
        lease -> Nullable<Uuid>,
        leased_until -> Nullable<Timestamptz>,
        failures -> Int4,
        failing_since -> Nullable<Timestamptz>,
        last_success_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    core.webhook_secret (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        endpoint_id -> Uuid,
        sealed -> Binary,
        expires_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

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
    core.rule_lane (client_id, rule_id) {
        client_id -> Uuid,
        rule_id -> Uuid,
        active -> Bool,
        number -> Int4,
        publisher_id -> Uuid,
        kinds -> Array<Text>,
        position -> Int8,
        failures -> Int4,
        due_at -> Timestamptz,
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
