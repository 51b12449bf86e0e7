DROP FUNCTION core.sweep;
DROP INDEX identity.session_by_end, identity.attempt_by_age;
