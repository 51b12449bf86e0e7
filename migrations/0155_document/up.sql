-- Documents of a client: a title in a folder, of a type that says which fields it has, with versions that are files, beside
-- any record. Versions are added; the newest can be taken back, and the one before is current again.

CREATE TABLE practice.document_type (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  fields      jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(fields) = 'array' AND jsonb_array_length(fields) <= 50),
  rights      text[] NOT NULL DEFAULT '{}',
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, name)
);
COMMENT ON COLUMN practice.document_type.rights IS 'only who holds all of these rights sees its documents; they never change';
SELECT core.raise_wall('practice.document_type', 'mutable');

CREATE TABLE practice.document_folder (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  parent_id   uuid,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE NULLS NOT DISTINCT (tenant_id, parent_id, name),
  FOREIGN KEY (tenant_id, parent_id) REFERENCES practice.document_folder (tenant_id, id)
);
SELECT core.raise_wall('practice.document_folder', 'deletable');

-- A folder never lies in itself, not by way of others either, and at most twenty deep. Who moves folders of one client does so
-- one after the other: of two moves that close a circle together, the second one is refused.
CREATE FUNCTION practice.folder_without_circle() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  above  uuid := new.parent_id;
  deep   integer := 1;
  below  integer;
BEGIN
  IF new.parent_id IS NULL THEN RETURN new; END IF;
  PERFORM pg_advisory_xact_lock(4210155, hashtext(new.tenant_id::text));
  WHILE above IS NOT NULL LOOP
    IF above = new.id THEN
      RAISE EXCEPTION 'a folder lies in itself' USING ERRCODE = 'BO040', CONSTRAINT = 'BO040';
    END IF;
    deep := deep + 1;
    IF deep > 20 THEN EXIT; END IF;
    SELECT f.parent_id INTO above FROM practice.document_folder f WHERE f.tenant_id = new.tenant_id AND f.id = above;
  END LOOP;
  WITH RECURSIVE inside (id, level) AS (
    SELECT new.id, 0
    UNION ALL
    SELECT f.id, i.level + 1 FROM inside i JOIN practice.document_folder f ON f.tenant_id = new.tenant_id AND f.parent_id = i.id
     WHERE i.level < 21
  )
  SELECT max(i.level) INTO below FROM inside i;
  IF deep + below > 20 THEN
    RAISE EXCEPTION 'folders lie too deep' USING ERRCODE = 'BO041', CONSTRAINT = 'BO041';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER without_circle BEFORE INSERT OR UPDATE OF parent_id ON practice.document_folder
  FOR EACH ROW EXECUTE FUNCTION practice.folder_without_circle();

CREATE TABLE practice.document (
  tenant_id         uuid NOT NULL,
  id                uuid NOT NULL,
  title             text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
  type_id           uuid NOT NULL,
  folder_id         uuid,
  fields            jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(fields) = 'object'),
  tags              text[] NOT NULL DEFAULT '{}' CHECK (cardinality(tags) <= 30),
  rights            text[] NOT NULL DEFAULT '{}',
  visible_to_client boolean NOT NULL DEFAULT false,
  retain_from       date NOT NULL,
  archived_on       date,
  trashed_on        date,
  created_by        uuid NOT NULL,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  version           integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, type_id) REFERENCES practice.document_type (tenant_id, id),
  FOREIGN KEY (tenant_id, folder_id) REFERENCES practice.document_folder (tenant_id, id)
);
COMMENT ON COLUMN practice.document.rights IS 'those of its type';
COMMENT ON COLUMN practice.document.retain_from IS 'the day from which its retention counts';
COMMENT ON COLUMN practice.document.trashed_on IS 'the day on which it went into the trash; null: it is not there';
SELECT core.raise_wall('practice.document', 'deletable');
CREATE INDEX document_by_folder ON practice.document (tenant_id, folder_id, id);
CREATE INDEX document_by_type ON practice.document (tenant_id, type_id, id);
CREATE INDEX document_by_trash ON practice.document (tenant_id, trashed_on, id);
CREATE INDEX document_seen_by_client ON practice.document (tenant_id, id) WHERE visible_to_client AND trashed_on IS NULL;

CREATE TABLE practice.document_version (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  document_id uuid NOT NULL,
  number      integer NOT NULL CHECK (number BETWEEN 1 AND 100000),
  file_id     uuid NOT NULL,
  note        text NOT NULL DEFAULT '' CHECK (length(note) <= 1000),
  deleted_at  timestamptz,
  deleted_by  uuid,
  created_by  uuid NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, document_id, number),
  UNIQUE (tenant_id, file_id),
  FOREIGN KEY (tenant_id, document_id) REFERENCES practice.document (tenant_id, id),
  FOREIGN KEY (tenant_id, file_id) REFERENCES core.file (tenant_id, id),
  CHECK ((deleted_at IS NULL) = (deleted_by IS NULL))
);
COMMENT ON COLUMN practice.document_version.number IS 'from 1; that of a version that was deleted is never given again';
SELECT core.raise_wall('practice.document_version', 'deletable');

-- Versions are added behind the newest one, and only the newest is taken back, as long as there is one before it. What it was
-- stays. Whoever writes versions holds the document's row.
CREATE FUNCTION practice.version_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF tg_op = 'INSERT' THEN
    IF EXISTS (SELECT 1 FROM practice.document_version v
                WHERE v.tenant_id = new.tenant_id AND v.document_id = new.document_id AND v.number >= new.number) THEN
      RAISE EXCEPTION 'a version is added behind the newest' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
    END IF;
    RETURN new;
  END IF;
  IF new.document_id <> old.document_id OR new.number <> old.number OR new.file_id <> old.file_id OR new.note <> old.note
     OR new.created_by <> old.created_by OR (old.deleted_at IS NOT NULL AND new.deleted_at IS DISTINCT FROM old.deleted_at) THEN
    RAISE EXCEPTION 'a version stays what it is' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  IF old.deleted_at IS NULL AND new.deleted_at IS NOT NULL THEN
    IF EXISTS (SELECT 1 FROM practice.document_version v WHERE v.tenant_id = new.tenant_id AND v.document_id = new.document_id
                  AND v.number > new.number AND v.deleted_at IS NULL) THEN
      RAISE EXCEPTION 'only the newest version is taken back' USING ERRCODE = 'BO042', CONSTRAINT = 'BO042';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM practice.document_version v WHERE v.tenant_id = new.tenant_id AND v.document_id = new.document_id
                      AND v.number < new.number AND v.deleted_at IS NULL) THEN
      RAISE EXCEPTION 'there is no version before it' USING ERRCODE = 'BO043', CONSTRAINT = 'BO043';
    END IF;
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER version_stays BEFORE INSERT OR UPDATE ON practice.document_version
  FOR EACH ROW EXECUTE FUNCTION practice.version_stays();

CREATE TABLE practice.document_link (
  tenant_id     uuid NOT NULL,
  id            uuid NOT NULL,
  document_id   uuid NOT NULL,
  record_prefix text NOT NULL CHECK (record_prefix ~ '^[a-z]{1,10}$'),
  record_id     uuid NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  version       integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, document_id, record_id),
  FOREIGN KEY (tenant_id, document_id) REFERENCES practice.document (tenant_id, id)
);
COMMENT ON COLUMN practice.document_link.record_prefix IS 'with record_id the outside id of the record beside which it lies';
SELECT core.raise_wall('practice.document_link', 'deletable');
CREATE INDEX document_link_by_record ON practice.document_link (tenant_id, record_id, document_id);

-- What a file is stays; who may see it becomes narrower and never wider: as a version of a document it needs the rights of
-- the document's type.
CREATE OR REPLACE FUNCTION core.file_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF new.object_key <> old.object_key OR new.name <> old.name OR new.purpose <> old.purpose
     OR (old.received_at IS NOT NULL AND (new.received_at IS DISTINCT FROM old.received_at OR new.size IS DISTINCT FROM old.size
         OR new.sha256 IS DISTINCT FROM old.sha256 OR new.media_type IS DISTINCT FROM old.media_type
         OR NOT new.rights @> old.rights OR new.only_for IS DISTINCT FROM old.only_for))
     OR (old.state = 'refused' AND new.state <> 'refused') OR (old.state = 'ready' AND new.state <> 'ready')
     OR (old.removed_at IS NOT NULL AND new.removed_at IS DISTINCT FROM old.removed_at) THEN
    RAISE EXCEPTION 'a file whose bytes have come stays what it is' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;

INSERT INTO core.record_type (node_type, home) VALUES
  ('DocumentType', 'practice.document_type'),
  ('DocumentFolder', 'practice.document_folder'),
  ('Document', 'practice.document'),
  ('DocumentVersion', 'practice.document_version');
SELECT core.know_record_types();
