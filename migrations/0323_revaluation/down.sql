DELETE FROM core.record_type WHERE node_type = 'Revaluation';
SELECT core.know_record_types();
DROP TABLE finance.revaluation_line, finance.revaluation;
DROP FUNCTION finance.keep_revaluation;
SELECT finance.word_entry_sources('{}', '{revaluation}');
