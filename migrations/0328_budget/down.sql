DELETE FROM core.record_type WHERE node_type IN ('Budget', 'Commitment');
SELECT core.know_record_types();
DROP TABLE finance.commitment, finance.budget_amount, finance.budget_version, finance.budget;
DROP FUNCTION finance.keep_commitment;
