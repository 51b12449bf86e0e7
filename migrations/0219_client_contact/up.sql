-- The people of a client with whom the provider speaks, each about his topics. Whether they have accounts is another matter.
CREATE TABLE practice.client_contact (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  function    text NOT NULL DEFAULT '' CHECK (length(function) <= 200),
  email       text CHECK (length(email) BETWEEN 3 AND 254),
  phone       text CHECK (phone ~ '^\+?[0-9 ()/.-]{3,40}$'),
  language    text CHECK (language ~ '^[a-z]{2,3}(-[A-Z]{2})?$'),
  topics      text[] NOT NULL DEFAULT '{}'
              CHECK (topics <@ '{accounting,taxes,payroll,payments,contracts,technology,general}' AND cardinality(topics) <= 7),
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  CHECK (email IS NOT NULL OR phone IS NOT NULL)
);
COMMENT ON COLUMN practice.client_contact.topics IS 'what he is the one for; none: for nothing in particular';
SELECT core.raise_wall('practice.client_contact', 'deletable');
-- One mailbox, one person.
CREATE UNIQUE INDEX client_contact_email ON practice.client_contact (tenant_id, lower(email)) WHERE email IS NOT NULL;
CREATE INDEX client_contact_by_name ON practice.client_contact (tenant_id, name, id);
INSERT INTO core.record_type (node_type, home) VALUES ('ClientContact', 'practice.client_contact');
SELECT core.know_record_types();

-- The rights for the roles that clients were founded with, where they are still what they were.
DO $$
DECLARE
  client uuid;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    UPDATE identity.role r
       SET permissions = r.permissions || ARRAY(SELECT a.name FROM unnest(g.added) WITH ORDINALITY AS a (name, at)
                                                WHERE a.name <> ALL (r.permissions) ORDER BY a.at)
      FROM (VALUES
        ('Accountant', 'work.item.perform', '{practice.contact.read,practice.contact.manage}'::text[]),
        ('Bookkeeper', 'work.item.perform', '{practice.contact.read,practice.contact.manage}'::text[]),
        ('Client administrator', 'work.request.read', '{practice.contact.read,practice.contact.manage}'::text[])) AS g (name, held, added)
     WHERE r.tenant_id = client AND r.name = g.name AND g.held = ANY (r.permissions) AND NOT r.permissions @> g.added;
    -- What waits for the commit is sealed while its client is set.
    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
