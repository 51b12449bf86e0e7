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
    practice.comment (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        record_type -> Text,
        record_id -> Uuid,
        author_id -> Uuid,
        author_kind -> Text,
        author_name -> Text,
        body -> Text,
        visible_to_client -> Bool,
        reply_to_id -> Nullable<Uuid>,
        edited_at -> Nullable<Timestamptz>,
        deleted_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.record_watch (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        account_id -> Uuid,
        record_type -> Text,
        record_id -> Uuid,
        muted -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.notice (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        account_id -> Uuid,
        record_type -> Text,
        record_id -> Uuid,
        cause -> Text,
        comment_id -> Nullable<Uuid>,
        event_id -> Nullable<Uuid>,
        event_kind -> Nullable<Text>,
        actor_name -> Text,
        read_at -> Nullable<Timestamptz>,
        mail_job_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.notice_preference (account_id) {
        account_id -> Uuid,
        mail -> Text,
        hour -> Int4,
        time_zone -> Text,
        since -> Timestamptz,
        next_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
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
    practice.appointment_calendar (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        kind -> Text,
        account_id -> Nullable<Uuid>,
        hours_id -> Uuid,
        buffer_before -> Int4,
        buffer_after -> Int4,
        notice -> Int4,
        lead_days -> Int4,
        deleted_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.appointment (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        uid -> Text,
        title -> Text,
        description -> Text,
        location -> Text,
        time_zone -> Text,
        starts_wall -> Timestamp,
        minutes -> Int4,
        rule -> Nullable<Text>,
        month_end -> Bool,
        added -> Array<Timestamp>,
        left_out -> Array<Timestamp>,
        state -> Text,
        sequence -> Int4,
        laid_until -> Nullable<Timestamptz>,
        continues_id -> Nullable<Uuid>,
        record_prefix -> Nullable<Text>,
        record_id -> Nullable<Uuid>,
        visible_to_client -> Bool,
        created_by -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.appointment_use (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        appointment_id -> Uuid,
        calendar_id -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.appointment_occurrence (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        appointment_id -> Uuid,
        wall -> Timestamp,
        starts_at -> Timestamptz,
        ends_at -> Timestamptz,
        state -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.appointment_hold (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        occurrence_id -> Uuid,
        calendar_id -> Uuid,
        busy_from -> Timestamptz,
        busy_until -> Timestamptz,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.appointment_attendee (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        appointment_id -> Uuid,
        email -> Text,
        name -> Text,
        answer -> Text,
        answered_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.appointment_feed (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        calendar_id -> Uuid,
        name -> Text,
        token_hash -> Binary,
        revoked_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::allow_tables_to_appear_in_same_query!(appointment, appointment_occurrence, appointment_use);

diesel::table! {
    practice.rule (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        record_type -> Text,
        latest -> Int4,
        armed -> Nullable<Int4>,
        armed_from -> Int8,
        armed_by -> Nullable<Uuid>,
        armed_at -> Nullable<Timestamptz>,
        blocked_for -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.rule_run (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        rule_id -> Uuid,
        number -> Int4,
        event_id -> Uuid,
        event_kind -> Text,
        record_id -> Uuid,
        depth -> Int4,
        outcome -> Text,
        reason -> Text,
        input -> Nullable<Jsonb>,
        effects -> Jsonb,
        duration_micros -> Int8,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.rule_standing (tenant_id, rule_id, record_id) {
        tenant_id -> Uuid,
        rule_id -> Uuid,
        record_id -> Uuid,
        holds -> Bool,
        position -> Int8,
    }
}

diesel::table! {
    practice.rule_version (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        rule_id -> Uuid,
        number -> Int4,
        kinds -> Array<Text>,
        condition -> Text,
        actions -> Jsonb,
        publisher_id -> Uuid,
        publisher_kind -> Text,
        publisher_name -> Text,
        scopes -> Nullable<Array<Text>>,
        created_at -> Timestamptz,
    }
}

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
