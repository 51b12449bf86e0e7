DROP FUNCTION core.files_removed;
DROP FUNCTION core.files_due;
DROP FUNCTION core.file_checked;
DROP FUNCTION core.files_to_check;
DROP TABLE core.file_check;
DROP TABLE core.file;
DROP FUNCTION core.file_stays;
