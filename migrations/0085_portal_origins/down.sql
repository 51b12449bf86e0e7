DROP TRIGGER tell_edge ON practice.client;
DROP TRIGGER tell_edge_first ON practice.client;
DROP FUNCTION practice.tell_edge;
DROP FUNCTION core.client_edges;
DROP TABLE core.client_edge;
ALTER TABLE practice.client DROP COLUMN portal_origins;
