DROP FUNCTION core.notices_follow;
DROP FUNCTION core.notices_due;
DROP TRIGGER begin_notices ON core.clock;
DROP TRIGGER begin_notices ON practice.record_watch;
DROP FUNCTION core.begin_notices;
DROP FUNCTION core.notice_lane_begin;
DELETE FROM core.archive_exception WHERE table_name = 'core.notice_lane';
DROP TABLE core.notice_lane;
