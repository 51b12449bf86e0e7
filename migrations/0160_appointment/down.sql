DELETE FROM core.record_type WHERE node_type IN ('AppointmentCalendar', 'Appointment', 'AppointmentOccurrence');
SELECT core.know_record_types();
DROP TABLE practice.appointment_hold;
DROP TABLE practice.appointment_occurrence;
DROP TABLE practice.appointment_use;
DROP TABLE practice.appointment;
DROP TABLE practice.appointment_calendar;
DROP EXTENSION btree_gist;
-- Each client's entries of the trail are sealed while the transaction is that client's.
SET CONSTRAINTS ALL IMMEDIATE;
DO $$
DECLARE
  client uuid;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    PERFORM set_config('app.actor_kind', 'system', true);
    PERFORM set_config('app.actor_name', 'Appointments', true);
    UPDATE identity.role r
       SET permissions = ARRAY(SELECT p FROM unnest(r.permissions) AS p WHERE p NOT LIKE 'work.%appointment%')
     WHERE r.tenant_id = client AND EXISTS (SELECT 1 FROM unnest(r.permissions) AS p WHERE p LIKE 'work.%appointment%');
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
  PERFORM set_config('app.actor_kind', '', true);
  PERFORM set_config('app.actor_name', '', true);
END $$;
SET CONSTRAINTS ALL DEFERRED;
