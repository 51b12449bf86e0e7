DELETE FROM core.record_type WHERE node_type = 'RecurringEntry';
SELECT core.know_record_types();
DROP TABLE finance.recurring_entry_run, finance.recurring_entry;
DROP FUNCTION finance.keep_recurring_entry;
SELECT finance.word_entry_sources('{}', '{recurring}');
