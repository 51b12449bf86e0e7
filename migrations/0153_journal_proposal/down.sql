DROP TRIGGER expect_approval ON finance.journal_entry;
DROP FUNCTION finance.expect_manual_entry_approved;
DROP FUNCTION finance.expect_entry_approved;
DELETE FROM practice.approval_subject WHERE subject = 'journal_proposal';
DROP FUNCTION finance.proposal_to_approve;
DROP INDEX finance.journal_entry_of_proposal;
DROP TABLE finance.journal_proposal;
