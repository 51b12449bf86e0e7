-- What is worth a look: records that are alike, and records that a later definition does not fit any more. Neither stops
-- anybody; the server writes them anew whenever a record or a definition changes.
CREATE TABLE practice.register_likeness (
  tenant_id   uuid NOT NULL,
  register_id uuid NOT NULL,
  rule        integer NOT NULL CHECK (rule BETWEEN 1 AND 5),
  record_id   uuid NOT NULL,
  likeness    text NOT NULL,
  PRIMARY KEY (tenant_id, record_id, rule),
  FOREIGN KEY (tenant_id, record_id) REFERENCES practice.register_record (tenant_id, id)
);
COMMENT ON TABLE practice.register_likeness IS 'unaudited: what records are told by under each rule for duplicates, found anew from their values';
COMMENT ON COLUMN practice.register_likeness.likeness IS 'SHA-256 of the values without what people spell differently';
SELECT core.raise_wall('practice.register_likeness', 'unaudited');
GRANT DELETE ON practice.register_likeness TO backoffice_app;
CREATE INDEX register_likeness_by_likeness ON practice.register_likeness (tenant_id, register_id, rule, likeness, record_id);

CREATE TABLE practice.register_misfit (
  tenant_id   uuid NOT NULL,
  register_id uuid NOT NULL,
  record_id   uuid NOT NULL,
  PRIMARY KEY (tenant_id, register_id, record_id),
  FOREIGN KEY (tenant_id, record_id) REFERENCES practice.register_record (tenant_id, id)
);
COMMENT ON TABLE practice.register_misfit IS 'unaudited: records that do not fit the definition of their register any more, found anew from their values';
SELECT core.raise_wall('practice.register_misfit', 'unaudited');
GRANT DELETE ON practice.register_misfit TO backoffice_app;
