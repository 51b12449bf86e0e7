-- A policy about entries by hand holds for what somebody has laid down to be posted later as well: a template, a recurring
-- entry or a slice of a deferral above its limit would be a way round it. Those have no proposal: above the limit they are
-- refused, and what they would post is proposed.
DO $$
BEGIN
  EXECUTE replace(pg_get_functiondef('finance.expect_entry_approved(uuid, uuid)'::regprocedure),
                  'IF e.source_id IS NOT NULL THEN', 'IF e.source = ''manual'' AND e.source_id IS NOT NULL THEN');
END $$;
CREATE CONSTRAINT TRIGGER expect_approval_of_rhythm AFTER INSERT ON finance.journal_entry
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (new.source IN ('recurring', 'deferral'))
  EXECUTE FUNCTION finance.expect_manual_entry_approved();
