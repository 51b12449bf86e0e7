DROP TRIGGER watch_clock ON core.clock;
DROP FUNCTION core.tell_breach;
DROP FUNCTION core.watch_clock;
DROP TABLE core.clock_watch;
DROP TRIGGER moves_item ON core.clock;
DROP FUNCTION practice.clock_moves_item;
ALTER TABLE practice.work_item DROP COLUMN due_clock_id;
ALTER TABLE practice.work_item DROP COLUMN due_basis;
ALTER TABLE practice.work_item DROP COLUMN due_at;
