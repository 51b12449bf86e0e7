UPDATE identity.provider_role
   SET client_permissions = array_remove(array_remove(array_remove(client_permissions, 'practice.client.archive'), 'work.job.read'), 'core.file.read')
 WHERE id = '00000000-0000-7000-8000-000000000001';
DROP FUNCTION core.archive_totals;
DROP FUNCTION core.archive_references;
DROP FUNCTION core.archive_referenced;
DROP FUNCTION core.archive_pointed;
DROP FUNCTION core.archive_page;
DROP FUNCTION core.archive_tables;
DROP TABLE core.archive_reference;
DROP TABLE core.archive_column;
DROP TABLE core.archive_exception;
