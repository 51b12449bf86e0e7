DROP FUNCTION practice.staff_weeks;
DROP FUNCTION practice.planned_load;
ALTER TABLE practice.work_item DROP COLUMN estimate_minutes;
UPDATE identity.provider_role SET permissions = array_remove(permissions, 'practice.capacity.manage')
 WHERE id = '00000000-0000-7000-8000-000000000001';
DROP TABLE practice.staff_absence;
DROP TABLE practice.staff_hours;
