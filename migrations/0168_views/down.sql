DROP FUNCTION practice.work_views_of;
DROP TABLE practice.work_view;
DROP FUNCTION practice.work_found;
DROP FUNCTION practice.work_counted(uuid[], date, date, uuid, boolean, text, text[], text[], text[], uuid[], uuid, text, text[], uuid[]);
DROP INDEX practice.work_item_open_by_assignee;
CREATE INDEX work_item_open_by_assignee ON practice.work_item (tenant_id, assignee_id, queue_on, id)
  INCLUDE (state, kind, priority, team_id, record_id, title) WHERE closed_at IS NULL;
DROP INDEX practice.work_item_open;
CREATE INDEX work_item_open ON practice.work_item (tenant_id, queue_on, id)
  INCLUDE (state, kind, priority, assignee_id, team_id, record_id, title) WHERE closed_at IS NULL;
ALTER TABLE practice.work_item DROP COLUMN title_folded;
ALTER TABLE practice.work_item DROP COLUMN engagement_id;
