DELETE FROM core.record_type WHERE node_type IN ('Register', 'RegisterRecord');
SELECT core.know_record_types();
DROP TABLE practice.register_key, practice.register_value, practice.register_record, practice.register_edition, practice.register;
DROP FUNCTION practice.register_spread, practice.register_record_state, practice.register_edition_kept, practice.register_defined,
  practice.register_digests, practice.register_sort;
