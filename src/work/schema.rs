//! The tables of this department as diesel sees them, written from the catalog; a test compares them.
#![allow(missing_docs)]

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
        due_at -> Nullable<Timestamptz>,
        due_basis -> Nullable<Jsonb>,
        due_clock_id -> Nullable<Uuid>,
        run_id -> Nullable<Uuid>,
        gated -> Bool,
        engagement_id -> Nullable<Uuid>,
        title_folded -> Text,
        estimate_minutes -> Nullable<Int4>,
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
    practice.work_wanted (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        item_id -> Uuid,
        number -> Int4,
        body -> Text,
        answer -> Nullable<Text>,
        answered_at -> Nullable<Timestamptz>,
        answered_by -> Nullable<Uuid>,
        answered_name -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.work_wanted_file (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        wanted_id -> Uuid,
        file_id -> Uuid,
        sender_id -> Uuid,
        sender_name -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.work_reminder (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        item_id -> Uuid,
        after_days -> Int4,
        due_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        mails -> Int4,
        refused -> Int4,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.work_template (code) {
        code -> Text,
        name -> Text,
        steps -> Jsonb,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    practice.recurring_work (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        service_code -> Text,
        template_code -> Text,
        rule -> Text,
        starts_on -> Date,
        at_minute -> Int4,
        until_on -> Nullable<Date>,
        period_unit -> Text,
        period_shift -> Int4,
        calendar_id -> Nullable<Uuid>,
        assignee_id -> Nullable<Uuid>,
        team_id -> Nullable<Uuid>,
        opened_through -> Timestamptz,
        next_at -> Nullable<Timestamptz>,
        generation -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.recurring_work_exception (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        work_id -> Uuid,
        occurs_on -> Date,
        moved_to -> Nullable<Date>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.recurring_work_run (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        work_id -> Uuid,
        service_code -> Text,
        period -> Text,
        occurs_on -> Date,
        passed_over -> Bool,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.work_view (id) {
        id -> Uuid,
        owner_id -> Uuid,
        name -> Text,
        filter -> Jsonb,
        shared -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}
