UPDATE identity.provider_role r SET permissions = array_remove(r.permissions, 'work.provider_schedule.manage');
DROP FUNCTION core.fire_schedule, core.next_schedule, core.change_provider_schedule, core.unplace_schedule, core.place_schedule;
DROP TABLE core.schedule_queue, core.provider_schedule, core.schedule_turn, core.schedule;
REVOKE SELECT ON core.provider_job FROM backoffice_identity;
