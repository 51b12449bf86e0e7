UPDATE identity.provider_role SET permissions = array_remove(permissions, 'practice.client_group.manage')
 WHERE id = '00000000-0000-7000-8000-000000000001';
DROP FUNCTION practice.is_client;
DROP FUNCTION practice.clients_in_group;
DELETE FROM core.archive_exception WHERE table_name = 'practice.client_group_member';
DROP TABLE practice.client_group_member;
DROP TABLE practice.client_group;
