UPDATE identity.provider_role SET permissions = array_remove(permissions, 'practice.calendar.manage')
 WHERE id = '00000000-0000-7000-8000-000000000001';
DROP FUNCTION core.put_off_renewal;
DROP FUNCTION core.enter_renewal;
DROP FUNCTION core.next_renewals;
DROP TRIGGER renew_followers ON core.provider_calendar;
DROP FUNCTION core.renew_followers;
DELETE FROM core.archive_exception WHERE table_name = 'core.calendar_renewal';
DROP TABLE core.calendar_renewal;
DROP FUNCTION core.followers;
DROP FUNCTION core.followable;
CREATE OR REPLACE VIEW core.whole_calendar WITH (security_invoker = true) AS
SELECT c.tenant_id, c.id, c.name, c.time_zone, c.region, c.hours,
       coalesce((SELECT jsonb_agg(jsonb_build_object('day', e.day, 'name', e.name, 'hours', e.hours) ORDER BY e.day)
                   FROM core.calendar_exception e WHERE e.tenant_id = c.tenant_id AND e.calendar_id = c.id), '[]'::jsonb) AS exceptions
  FROM core.business_calendar c;
DELETE FROM core.archive_reference WHERE table_name = 'core.provider_calendar';
DROP FUNCTION core.followed;
DROP INDEX core.business_calendar_following;
ALTER TABLE core.business_calendar DROP COLUMN follows_id;
DROP TABLE core.provider_calendar;
REVOKE EXECUTE ON FUNCTION core.are_hours FROM backoffice_identity;
