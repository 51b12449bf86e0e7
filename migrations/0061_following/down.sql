DROP FUNCTION core.event_heads;
DROP FUNCTION core.editions;
