UPDATE identity.provider_role SET permissions = array_remove(permissions, 'practice.onboarding_template.manage')
 WHERE id = '00000000-0000-7000-8000-000000000001';
DROP FUNCTION practice.provider_has;
DROP FUNCTION practice.onboarding_template_named;
DROP TABLE practice.onboarding_template;
