DELETE FROM core.record_type WHERE node_type = 'Deferral';
SELECT core.know_record_types();
DROP TABLE finance.deferral_slice, finance.deferral;
DROP FUNCTION finance.keep_deferral_slice, finance.keep_deferral;
SELECT finance.word_entry_sources('{}', '{deferral}');
