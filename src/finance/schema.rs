//! The tables of this department as diesel sees them, written from the catalog; a test compares them.
#![allow(missing_docs)]

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
    finance.account (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        code -> Text,
        name -> Text,
        kind -> Text,
        parent_id -> Nullable<Uuid>,
        is_group -> Bool,
        control -> Nullable<Text>,
        currency -> Nullable<Text>,
        statement_line -> Nullable<Text>,
        active -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.account_balance (tenant_id, ledger_id, account_id, on_date, currency) {
        tenant_id -> Uuid,
        ledger_id -> Uuid,
        account_id -> Uuid,
        on_date -> Date,
        currency -> Text,
        debit -> Numeric,
        credit -> Numeric,
        amount_document -> Numeric,
        lines -> Int8,
    }
}

diesel::table! {
    finance.account_dimension (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        account_id -> Uuid,
        dimension_id -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.account_month (tenant_id, ledger_id, account_id, month) {
        tenant_id -> Uuid,
        ledger_id -> Uuid,
        account_id -> Uuid,
        month -> Date,
        debit -> Numeric,
        credit -> Numeric,
        lines -> Int8,
    }
}

diesel::table! {
    finance.allocation (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        open_item_id -> Uuid,
        entry_id -> Uuid,
        allocated_on -> Date,
        amount -> Numeric,
        amount_book -> Numeric,
        undoes_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.asset (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        class_id -> Uuid,
        number -> Text,
        name -> Text,
        acquired_on -> Date,
        dimensions -> Jsonb,
        split_from_id -> Nullable<Uuid>,
        disposed_on -> Nullable<Date>,
        disposed_reason -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.asset_class (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        code -> Text,
        name -> Text,
        cost_account_id -> Uuid,
        accumulated_account_id -> Uuid,
        expense_account_id -> Uuid,
        gain_account_id -> Uuid,
        loss_account_id -> Uuid,
        created_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.asset_movement (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        asset_id -> Uuid,
        book -> Text,
        on_date -> Date,
        kind -> Text,
        cost -> Numeric,
        accumulated -> Numeric,
        amount -> Numeric,
        text -> Text,
        entry_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.asset_plan (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        asset_id -> Uuid,
        book -> Text,
        from_on -> Date,
        ends_on -> Date,
        method -> Text,
        spread -> Text,
        base -> Numeric,
        residual -> Numeric,
        percent -> Nullable<Numeric>,
        units -> Nullable<Numeric>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.asset_slice (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        asset_id -> Uuid,
        plan_id -> Uuid,
        book -> Text,
        from_on -> Date,
        to_on -> Date,
        amount -> Numeric,
        units -> Nullable<Numeric>,
        due -> Bool,
        dropped -> Bool,
        entry_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.audit_sample (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        from_on -> Date,
        to_on -> Date,
        account_id -> Nullable<Uuid>,
        method -> Text,
        seed -> Text,
        size -> Int4,
        known_at -> Timestamptz,
        population -> Int4,
        population_amount -> Numeric,
        drawn_by_name -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.audit_sample_item (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        sample_id -> Uuid,
        place -> Int4,
        entry_id -> Uuid,
        amount -> Numeric,
        hits -> Int4,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.bank_account (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        iban -> Nullable<Text>,
        number -> Nullable<Text>,
        currency -> Text,
        account_id -> Uuid,
        active -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
        cooling_off_days -> Int4,
    }
}

diesel::table! {
    finance.bank_line (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        bank_account_id -> Uuid,
        statement_id -> Uuid,
        line_no -> Int4,
        booked_on -> Date,
        value_on -> Nullable<Date>,
        currency -> Text,
        amount -> Numeric,
        counterparty -> Nullable<Text>,
        counterparty_iban -> Nullable<Text>,
        reference -> Text,
        bank_reference -> Nullable<Text>,
        fingerprint -> Text,
        matched -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.bank_match (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        bank_line_id -> Uuid,
        entry_id -> Uuid,
        undone_by_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.bank_statement (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        bank_account_id -> Uuid,
        import_id -> Uuid,
        reference -> Nullable<Text>,
        opens_on -> Date,
        closes_on -> Date,
        currency -> Text,
        opening_balance -> Numeric,
        closing_balance -> Numeric,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.bill (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        vendor_id -> Uuid,
        status -> Text,
        number -> Text,
        normalized_number -> Text,
        bill_date -> Date,
        bill_year -> Int4,
        due_date -> Date,
        currency -> Text,
        exchange_rate -> Numeric,
        rounding -> Text,
        vendor_name -> Text,
        net -> Numeric,
        tax -> Numeric,
        gross -> Numeric,
        entry_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
        discount_percent -> Numeric,
        prices_include_tax -> Bool,
        withholding_code_id -> Nullable<Uuid>,
        withheld -> Numeric,
    }
}

diesel::table! {
    finance.bill_line (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        bill_id -> Uuid,
        line_no -> Int4,
        description -> Text,
        quantity -> Numeric,
        unit_price -> Numeric,
        discount_percent -> Numeric,
        account_id -> Uuid,
        tax_code_id -> Nullable<Uuid>,
        tax_percent -> Numeric,
        net -> Numeric,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
        second_tax_code_id -> Nullable<Uuid>,
        second_tax_percent -> Numeric,
        dimensions -> Jsonb,
    }
}

diesel::table! {
    finance.budget (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        starts_on -> Date,
        ends_on -> Date,
        control -> Text,
        measure -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.budget_amount (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version_id -> Uuid,
        account_id -> Uuid,
        value_id -> Nullable<Uuid>,
        month -> Date,
        amount -> Numeric,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.budget_version (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        budget_id -> Uuid,
        number -> Int4,
        reason -> Text,
        made_by_name -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.cash_rounding (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        currency -> Text,
        step -> Numeric,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.commitment (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        reference -> Text,
        account_id -> Uuid,
        value_id -> Nullable<Uuid>,
        on_date -> Date,
        amount -> Numeric,
        released -> Numeric,
        warnings -> Array<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.credit_limit (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        customer_id -> Uuid,
        amount -> Numeric,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.credit_note (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        invoice_id -> Uuid,
        customer_id -> Uuid,
        number -> Text,
        issue_date -> Date,
        reason -> Text,
        currency -> Text,
        customer_name -> Text,
        net -> Numeric,
        tax -> Numeric,
        gross -> Numeric,
        entry_id -> Uuid,
        created_at -> Timestamptz,
        cash_difference -> Numeric,
    }
}

diesel::table! {
    finance.credit_note_line (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        credit_note_id -> Uuid,
        line_no -> Int4,
        invoice_line_id -> Uuid,
        invoice_line_no -> Int4,
        description -> Text,
        quantity -> Nullable<Numeric>,
        account_id -> Uuid,
        tax_code_id -> Nullable<Uuid>,
        tax_percent -> Numeric,
        net -> Numeric,
        tax -> Numeric,
        created_at -> Timestamptz,
        second_tax_code_id -> Nullable<Uuid>,
        second_tax_percent -> Numeric,
        second_tax -> Numeric,
    }
}

diesel::table! {
    finance.credit_override (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        invoice_id -> Uuid,
        limit_amount -> Numeric,
        used -> Numeric,
        amount -> Numeric,
        reason -> Text,
        overridden_by_name -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.customer (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        number -> Text,
        name -> Text,
        email -> Nullable<Text>,
        vat_number -> Nullable<Text>,
        street -> Nullable<Text>,
        postal_code -> Nullable<Text>,
        city -> Nullable<Text>,
        country -> Text,
        currency -> Text,
        payment_terms_days -> Int4,
        iban -> Nullable<Text>,
        active -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
        electronic_address -> Nullable<Text>,
    }
}

diesel::table! {
    finance.deferral (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        description -> Text,
        debit_account_id -> Uuid,
        credit_account_id -> Uuid,
        amount -> Numeric,
        starts_on -> Date,
        ends_on -> Date,
        method -> Text,
        dimensions -> Jsonb,
        stopped_at -> Nullable<Timestamptz>,
        stopped_reason -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.deferral_slice (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        deferral_id -> Uuid,
        number -> Int4,
        from_on -> Date,
        to_on -> Date,
        amount -> Numeric,
        entry_id -> Nullable<Uuid>,
        due -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.dimension (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        code -> Text,
        name -> Text,
        active -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.dimension_value (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        dimension_id -> Uuid,
        code -> Text,
        name -> Text,
        active -> Bool,
        valid_from -> Nullable<Date>,
        valid_to -> Nullable<Date>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.dunning_item (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        run_id -> Uuid,
        notice_id -> Nullable<Uuid>,
        open_item_id -> Uuid,
        document -> Text,
        customer_name -> Text,
        run_on -> Date,
        level -> Int4,
        days_overdue -> Int4,
        currency -> Text,
        overdue -> Numeric,
        interest_percent -> Numeric,
        interest -> Numeric,
        state -> Text,
        left_out_for -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.dunning_level (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        level -> Int4,
        days_overdue -> Int4,
        fee -> Numeric,
        interest_percent -> Numeric,
        book_charges -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.dunning_notice (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        run_id -> Uuid,
        customer_id -> Uuid,
        customer_name -> Text,
        currency -> Text,
        level -> Int4,
        overdue -> Numeric,
        fee -> Numeric,
        interest -> Numeric,
        book_charges -> Bool,
        state -> Text,
        reason -> Nullable<Text>,
        letter_id -> Nullable<Uuid>,
        entry_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.dunning_run (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        run_on -> Date,
        proposed_by_name -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.e_invoice (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        invoice_id -> Nullable<Uuid>,
        credit_note_id -> Nullable<Uuid>,
        form -> Text,
        file_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.early_payment (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        open_item_id -> Uuid,
        percent -> Numeric,
        last_day -> Date,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.early_payment_part (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        allocation_id -> Uuid,
        account_id -> Uuid,
        tax_code_id -> Nullable<Uuid>,
        base -> Numeric,
        amount -> Numeric,
        amount_book -> Numeric,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.exchange_rate (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        currency -> Text,
        on_date -> Date,
        source -> Text,
        rate -> Numeric,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.expense_claim (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        number -> Text,
        vendor_id -> Uuid,
        vendor_name -> Text,
        purpose -> Text,
        prices_include_tax -> Bool,
        currency -> Text,
        state -> Text,
        claimed -> Numeric,
        accepted -> Nullable<Numeric>,
        submitted_by -> Nullable<Uuid>,
        submitted_by_name -> Nullable<Text>,
        decided_by_name -> Nullable<Text>,
        said -> Nullable<Text>,
        bill_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.expense_claim_line (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        claim_id -> Uuid,
        line_no -> Int4,
        type_id -> Uuid,
        spent_on -> Date,
        description -> Text,
        quantity -> Numeric,
        unit_amount -> Numeric,
        claimed -> Numeric,
        most -> Nullable<Numeric>,
        accepted -> Numeric,
        said -> Nullable<Text>,
        file_id -> Nullable<Uuid>,
        dimensions -> Jsonb,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.expense_rate (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        type_id -> Uuid,
        valid_from -> Date,
        unit_amount -> Nullable<Numeric>,
        most -> Nullable<Numeric>,
        receipt_above -> Nullable<Numeric>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.expense_type (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        code -> Text,
        name -> Text,
        kind -> Text,
        account_id -> Uuid,
        tax_code_id -> Nullable<Uuid>,
        active -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.fiscal_year (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        starts_on -> Date,
        ends_on -> Date,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.instalment (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        open_item_id -> Uuid,
        instalment_no -> Int4,
        due_date -> Date,
        amount -> Numeric,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.invoice (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        customer_id -> Uuid,
        status -> Text,
        number -> Nullable<Text>,
        issue_date -> Nullable<Date>,
        due_date -> Nullable<Date>,
        currency -> Text,
        exchange_rate -> Numeric,
        rounding -> Text,
        reference -> Nullable<Text>,
        customer_name -> Text,
        net -> Numeric,
        tax -> Numeric,
        gross -> Numeric,
        entry_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
        discount_percent -> Numeric,
        prices_include_tax -> Bool,
        cash_difference -> Numeric,
    }
}

diesel::table! {
    finance.invoice_line (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        invoice_id -> Uuid,
        line_no -> Int4,
        description -> Text,
        quantity -> Numeric,
        unit_price -> Numeric,
        discount_percent -> Numeric,
        account_id -> Uuid,
        tax_code_id -> Nullable<Uuid>,
        tax_percent -> Numeric,
        net -> Numeric,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
        second_tax_code_id -> Nullable<Uuid>,
        second_tax_percent -> Numeric,
        dimensions -> Jsonb,
    }
}

diesel::table! {
    finance.journal_entry (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        ledger_id -> Uuid,
        number -> Text,
        entry_date -> Date,
        recorded_at -> Timestamptz,
        description -> Text,
        currency -> Text,
        source -> Text,
        source_id -> Nullable<Uuid>,
        reverses_id -> Nullable<Uuid>,
        posted_by -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.journal_line (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        entry_id -> Uuid,
        line_no -> Int4,
        ledger_id -> Uuid,
        account_id -> Uuid,
        entry_date -> Date,
        recorded_at -> Timestamptz,
        description -> Text,
        currency -> Text,
        amount_document -> Numeric,
        amount -> Numeric,
        tax_code_id -> Nullable<Uuid>,
        dimensions -> Jsonb,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.journal_proposal (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        entry_date -> Date,
        description -> Text,
        currency -> Text,
        amount -> Numeric,
        amount_book -> Numeric,
        lines -> Jsonb,
        proposed_by_name -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.ledger (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        code -> Text,
        name -> Text,
        currency -> Text,
        soft_lock_on -> Nullable<Date>,
        hard_lock_on -> Nullable<Date>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.line_dimension (tenant_id, value_id, account_id, entry_date, line_id) {
        tenant_id -> Uuid,
        value_id -> Uuid,
        account_id -> Uuid,
        entry_date -> Date,
        line_id -> Uuid,
        dimension_id -> Uuid,
        ledger_id -> Uuid,
        entry_id -> Uuid,
        recorded_at -> Timestamptz,
        amount -> Numeric,
    }
}

diesel::table! {
    finance.lock_exception (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        ledger_id -> Uuid,
        account_id -> Uuid,
        reason -> Text,
        expires_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.open_item (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        side -> Text,
        customer_id -> Nullable<Uuid>,
        vendor_id -> Nullable<Uuid>,
        invoice_id -> Nullable<Uuid>,
        bill_id -> Nullable<Uuid>,
        document -> Text,
        party_name -> Text,
        entry_id -> Uuid,
        account_id -> Uuid,
        item_date -> Date,
        due_date -> Date,
        currency -> Text,
        amount -> Numeric,
        amount_book -> Numeric,
        open_amount -> Numeric,
        open_book -> Numeric,
        settled -> Nullable<Bool>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
        credit_note_id -> Nullable<Uuid>,
        payment_id -> Nullable<Uuid>,
        dunning_notice_id -> Nullable<Uuid>,
        vendor_credit_id -> Nullable<Uuid>,
        mark -> Nullable<Text>,
    }
}

diesel::table! {
    finance.open_item_dispute (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        open_item_id -> Uuid,
        reason -> Text,
        raised_by_name -> Text,
        ended_at -> Nullable<Timestamptz>,
        ended_by_name -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.payment (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        number -> Text,
        side -> Text,
        customer_id -> Nullable<Uuid>,
        vendor_id -> Nullable<Uuid>,
        party_name -> Text,
        paid_on -> Date,
        currency -> Text,
        exchange_rate -> Numeric,
        amount -> Numeric,
        reference -> Text,
        account_id -> Uuid,
        bank_line_id -> Nullable<Uuid>,
        entry_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.payment_allocation (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        payment_id -> Uuid,
        open_item_id -> Uuid,
        settles_id -> Uuid,
        uses_id -> Uuid,
        exchange_account_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        discount_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    finance.payment_run (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        number -> Text,
        bank_account_id -> Uuid,
        pay_on -> Date,
        due_until -> Date,
        currency -> Text,
        state -> Text,
        payments -> Int4,
        amount -> Numeric,
        proposed_by_name -> Text,
        approved_by -> Nullable<Uuid>,
        approved_by_name -> Nullable<Text>,
        approved_at -> Nullable<Timestamptz>,
        file_id -> Nullable<Uuid>,
        sent_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.payment_run_item (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        run_id -> Uuid,
        line_no -> Int4,
        open_item_id -> Uuid,
        vendor_id -> Uuid,
        vendor_name -> Text,
        document -> Text,
        due_date -> Date,
        iban -> Nullable<Text>,
        currency -> Text,
        amount -> Numeric,
        state -> Text,
        left_out_for -> Nullable<Text>,
        end_to_end_id -> Text,
        said -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.period_close (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        period -> Text,
        starts_on -> Date,
        ends_on -> Date,
        template_code -> Nullable<Text>,
        prepared_at -> Nullable<Timestamptz>,
        prepared_by -> Nullable<Uuid>,
        prepared_by_name -> Nullable<Text>,
        signed_at -> Nullable<Timestamptz>,
        signed_by -> Nullable<Uuid>,
        signed_by_name -> Nullable<Text>,
        locked_before_on -> Nullable<Date>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.period_close_note (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        close_id -> Uuid,
        kind -> Text,
        account_id -> Nullable<Uuid>,
        difference -> Numeric,
        text -> Text,
        by_name -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.period_close_step (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        close_id -> Uuid,
        kind -> Text,
        by_id -> Uuid,
        by_name -> Text,
        reason -> Nullable<Text>,
        figures -> Jsonb,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.received_invoice (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        bill_id -> Uuid,
        file_id -> Uuid,
        sha256 -> Text,
        net -> Numeric,
        tax -> Numeric,
        gross -> Numeric,
        paid -> Numeric,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.recurring_entry (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        description -> Text,
        amount -> Numeric,
        lines -> Jsonb,
        every_months -> Nullable<Int4>,
        starts_on -> Nullable<Date>,
        ends_on -> Nullable<Date>,
        came -> Int4,
        next_on -> Nullable<Date>,
        stopped_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.recurring_entry_run (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        recurring_id -> Uuid,
        due_on -> Date,
        entry_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.revaluation (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        on_date -> Date,
        difference -> Numeric,
        entry_id -> Nullable<Uuid>,
        reversal_id -> Nullable<Uuid>,
        made_by_name -> Text,
        undone_at -> Nullable<Timestamptz>,
        undone_by_name -> Nullable<Text>,
        undone_reason -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.revaluation_line (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        revaluation_id -> Uuid,
        account_id -> Uuid,
        open_item_id -> Nullable<Uuid>,
        currency -> Text,
        amount_document -> Numeric,
        amount_book -> Numeric,
        rate -> Numeric,
        difference -> Numeric,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.seller_profile (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        street -> Nullable<Text>,
        postal_code -> Nullable<Text>,
        city -> Nullable<Text>,
        tax_number -> Nullable<Text>,
        registration -> Nullable<Text>,
        electronic_address -> Nullable<Text>,
        bank_account_id -> Nullable<Uuid>,
        check_at_issue -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.tax_code (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        code -> Text,
        name -> Text,
        direction -> Text,
        account_id -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.tax_rate (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        tax_code_id -> Uuid,
        valid_from -> Date,
        percent -> Numeric,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.tax_treatment (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        tax_code_id -> Uuid,
        category -> Text,
        exemption -> Nullable<Text>,
        exemption_code -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.value_split (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        dimension_id -> Uuid,
        value_id -> Uuid,
        valid_from -> Date,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.value_split_part (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        split_id -> Uuid,
        dimension_id -> Uuid,
        value_id -> Uuid,
        percent -> Numeric,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.vendor (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        number -> Text,
        name -> Text,
        email -> Nullable<Text>,
        vat_number -> Nullable<Text>,
        street -> Nullable<Text>,
        postal_code -> Nullable<Text>,
        city -> Nullable<Text>,
        country -> Text,
        currency -> Text,
        payment_terms_days -> Int4,
        iban -> Nullable<Text>,
        active -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
        iban_changed_at -> Nullable<Timestamptz>,
        electronic_address -> Nullable<Text>,
        withholding_code_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    finance.vendor_bank_change (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        vendor_id -> Uuid,
        vendor_name -> Text,
        iban_before -> Nullable<Text>,
        iban -> Nullable<Text>,
        proposed_by_name -> Text,
        applied_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.vendor_credit (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        bill_id -> Uuid,
        vendor_id -> Uuid,
        number -> Text,
        normalized_number -> Text,
        credit_date -> Date,
        credit_year -> Int4,
        posted_on -> Date,
        reason -> Text,
        currency -> Text,
        vendor_name -> Text,
        net -> Numeric,
        tax -> Numeric,
        gross -> Numeric,
        withheld -> Numeric,
        entry_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.vendor_credit_line (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        vendor_credit_id -> Uuid,
        line_no -> Int4,
        bill_line_id -> Uuid,
        bill_line_no -> Int4,
        description -> Text,
        quantity -> Nullable<Numeric>,
        account_id -> Uuid,
        tax_code_id -> Nullable<Uuid>,
        tax_percent -> Numeric,
        net -> Numeric,
        tax -> Numeric,
        second_tax_code_id -> Nullable<Uuid>,
        second_tax_percent -> Numeric,
        second_tax -> Numeric,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.vendor_hold (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        vendor_id -> Uuid,
        kind -> Text,
        reason -> Text,
        until_on -> Nullable<Date>,
        placed_by_name -> Text,
        released_at -> Nullable<Timestamptz>,
        released_by_name -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.withholding_code (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        code -> Text,
        name -> Text,
        scope -> Text,
        account_id -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.withholding_entry (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        code_id -> Uuid,
        vendor_id -> Uuid,
        bill_id -> Nullable<Uuid>,
        vendor_credit_id -> Nullable<Uuid>,
        entry_id -> Uuid,
        year_starts_on -> Date,
        posted_on -> Date,
        percent -> Numeric,
        threshold -> Numeric,
        net -> Numeric,
        base -> Numeric,
        amount -> Numeric,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.withholding_rate (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        code_id -> Uuid,
        valid_from -> Date,
        percent -> Numeric,
        threshold -> Numeric,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    finance.year_closing (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        fiscal_year_id -> Uuid,
        result -> Numeric,
        entry_id -> Nullable<Uuid>,
        closed_by_name -> Text,
        reopened_at -> Nullable<Timestamptz>,
        reopened_by_name -> Nullable<Text>,
        reopened_reason -> Nullable<Text>,
        reopening_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    finance.cash_flow_place (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        account_id -> Uuid,
        section -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}
