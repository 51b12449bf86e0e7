DROP TRIGGER skills ON practice.work_item;
DROP TRIGGER skills_at_first ON practice.work_item;
DROP FUNCTION practice.expect_skills;
DROP FUNCTION practice.skills_lacking;
UPDATE identity.provider_role SET permissions = array_remove(permissions, 'practice.skill.manage')
 WHERE id = '00000000-0000-7000-8000-000000000001';
DROP TABLE practice.service_skill;
DROP TABLE practice.staff_skill;
DROP TABLE practice.skill;
