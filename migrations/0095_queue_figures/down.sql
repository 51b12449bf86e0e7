DROP FUNCTION core.queue_figures;
