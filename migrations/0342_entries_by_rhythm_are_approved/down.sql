DROP TRIGGER expect_approval_of_rhythm ON finance.journal_entry;
DO $$
BEGIN
  EXECUTE replace(pg_get_functiondef('finance.expect_entry_approved(uuid, uuid)'::regprocedure),
                  'IF e.source = ''manual'' AND e.source_id IS NOT NULL THEN', 'IF e.source_id IS NOT NULL THEN');
END $$;
