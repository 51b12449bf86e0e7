DO $$
DECLARE
  client uuid;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    DELETE FROM practice.work_notice n WHERE n.tenant_id = client AND n.cause = 'answered';
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
ALTER TABLE practice.work_notice DROP CONSTRAINT work_notice_cause_check;
ALTER TABLE practice.work_notice ADD CONSTRAINT work_notice_cause_check
  CHECK (cause IN ('mentioned', 'commented', 'assigned', 'moved'));
DROP FUNCTION practice.reminder_ended;
DROP FUNCTION practice.reminder_to_mail;
DROP TABLE practice.work_reminder;
DROP TABLE practice.work_wanted_file;
DROP TABLE practice.work_wanted;
