//! The tables of this department as diesel sees them, written from the catalog; a test compares them.
#![allow(missing_docs)]

diesel::table! {
    practice.register (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        code -> Text,
        name -> Text,
        edition -> Int4,
        definition -> Jsonb,
        keys -> Jsonb,
        critical -> Array<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    practice.register_edition (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        register_id -> Uuid,
        number -> Int4,
        definition -> Jsonb,
        made_by_name -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.register_record (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        register_id -> Uuid,
        edition -> Int4,
        state -> Text,
        fields -> Jsonb,
        round -> Int4,
        keyed_by -> Array<Uuid>,
        void_reason -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        version -> Int4,
        imported_as -> Nullable<Text>,
    }
}

diesel::table! {
    practice.register_value (tenant_id, record_id, field) {
        tenant_id -> Uuid,
        register_id -> Uuid,
        field -> Text,
        record_id -> Uuid,
        value -> Text,
        sort -> Text,
    }
}

diesel::table! {
    practice.register_key (tenant_id, register_id, key_name, digest) {
        tenant_id -> Uuid,
        register_id -> Uuid,
        key_name -> Text,
        digest -> Text,
        record_id -> Uuid,
    }
}

diesel::table! {
    practice.register_keying (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        record_id -> Uuid,
        round -> Int4,
        place -> Int4,
        fields -> Jsonb,
        agreed -> Bool,
        keyed_by -> Uuid,
        keyed_by_name -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    practice.register_likeness (tenant_id, record_id, rule) {
        tenant_id -> Uuid,
        register_id -> Uuid,
        rule -> Int4,
        record_id -> Uuid,
        likeness -> Text,
    }
}

diesel::table! {
    practice.register_misfit (tenant_id, register_id, record_id) {
        tenant_id -> Uuid,
        register_id -> Uuid,
        record_id -> Uuid,
    }
}
