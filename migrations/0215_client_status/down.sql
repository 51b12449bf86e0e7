UPDATE identity.provider_role SET permissions = array_remove(permissions, 'practice.client.move')
 WHERE id = '00000000-0000-7000-8000-000000000001';
DROP FUNCTION practice.move_client;
DROP POLICY standing ON identity.service_account;
DROP FUNCTION core.permissions_in(uuid, uuid, text);
ALTER FUNCTION core.permissions_granted_in(uuid, uuid, text) RENAME TO permissions_in;
DROP TRIGGER renew_rights ON practice.client;
DROP TRIGGER keep_status ON practice.client;
DROP FUNCTION practice.keep_client_status;
DROP TABLE practice.client_status_change;
ALTER TABLE practice.client DROP COLUMN status;
