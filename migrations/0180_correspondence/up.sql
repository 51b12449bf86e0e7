-- The register of correspondence: every letter, mail and call of a client, in and out, under a number that has no gap
-- within its year and direction. And the templates that letters are written from.

----------------------------------------------------------------------------------------------------------- templates
CREATE TABLE practice.letter_template (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  code        text NOT NULL CHECK (code ~ '^[a-z][a-z0-9_]{0,39}$'),
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  retired     boolean NOT NULL DEFAULT false,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, code)
);
SELECT core.raise_wall('practice.letter_template', 'mutable');

-- What letters were written from stays readable: a change of wording is another edition.
CREATE TABLE practice.letter_template_text (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  template_id uuid NOT NULL,
  language    text NOT NULL CHECK (language ~ '^[a-z]{2}(-[A-Z]{2})?$'),
  edition     integer NOT NULL CHECK (edition >= 1),
  subject     text NOT NULL CHECK (length(subject) BETWEEN 1 AND 1000),
  body        text NOT NULL CHECK (length(body) BETWEEN 1 AND 20000),
  author_name text NOT NULL,
  created_by  uuid NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, template_id, language, edition),
  FOREIGN KEY (tenant_id, template_id) REFERENCES practice.letter_template (tenant_id, id)
);
COMMENT ON TABLE practice.letter_template_text IS 'append-only';
SELECT core.raise_wall('practice.letter_template_text', 'append_only');

------------------------------------------------------------------------------------------------------------ register
CREATE TABLE practice.correspondence (
  tenant_id         uuid NOT NULL,
  id                uuid NOT NULL,
  number            text NOT NULL,
  direction         text NOT NULL CHECK (direction IN ('in', 'out')),
  channel           text NOT NULL CHECK (channel IN ('letter', 'mail', 'call')),
  state             text NOT NULL DEFAULT 'registered' CHECK (state IN ('registered', 'void')),
  on_date           date NOT NULL,
  subject           text NOT NULL CHECK (length(subject) BETWEEN 1 AND 300),
  body              text NOT NULL DEFAULT '' CHECK (length(body) <= 200000),
  customer_id       uuid,
  vendor_id         uuid,
  correspondent     text NOT NULL CHECK (length(correspondent) BETWEEN 1 AND 200),
  postal_address    text CHECK (length(postal_address) BETWEEN 1 AND 1000),
  email             text CHECK (length(email) BETWEEN 1 AND 254),
  reply_to_id       uuid,
  thread_id         uuid NOT NULL,
  template_text_id  uuid,
  record_prefix     text CHECK (record_prefix ~ '^[a-z]{1,10}$'),
  record_id         uuid,
  visible_to_client boolean NOT NULL DEFAULT false,
  void_reason       text CHECK (length(void_reason) BETWEEN 1 AND 500),
  voided_at         timestamptz,
  created_by        uuid NOT NULL,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  version           integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, number),
  FOREIGN KEY (tenant_id, customer_id) REFERENCES finance.customer (tenant_id, id),
  FOREIGN KEY (tenant_id, vendor_id) REFERENCES finance.vendor (tenant_id, id),
  FOREIGN KEY (tenant_id, reply_to_id) REFERENCES practice.correspondence (tenant_id, id),
  FOREIGN KEY (tenant_id, thread_id) REFERENCES practice.correspondence (tenant_id, id),
  FOREIGN KEY (tenant_id, template_text_id) REFERENCES practice.letter_template_text (tenant_id, id),
  CHECK (number ~ ('^' || CASE WHEN direction = 'in' THEN 'IN' ELSE 'OUT' END || '-' || extract(year FROM on_date)::integer::text || '-[0-9]{5,}$')),
  CHECK (customer_id IS NULL OR vendor_id IS NULL),
  CHECK ((record_prefix IS NULL) = (record_id IS NULL)),
  CHECK ((reply_to_id IS NULL) = (thread_id = id)),
  CHECK ((state = 'void') = (voided_at IS NOT NULL)),
  CHECK ((voided_at IS NULL) = (void_reason IS NULL))
);
COMMENT ON COLUMN practice.correspondence.thread_id IS 'the entry that the thread began with';
COMMENT ON COLUMN practice.correspondence.correspondent IS 'the name at that time, whatever the customer or vendor is called later';
SELECT core.raise_wall('practice.correspondence', 'mutable');
CREATE INDEX correspondence_by_day ON practice.correspondence (tenant_id, on_date, id);
CREATE INDEX correspondence_by_thread ON practice.correspondence (tenant_id, thread_id, id);
CREATE INDEX correspondence_by_reply ON practice.correspondence (tenant_id, reply_to_id) WHERE reply_to_id IS NOT NULL;
CREATE INDEX correspondence_by_record ON practice.correspondence (tenant_id, record_id) WHERE record_id IS NOT NULL;
CREATE INDEX correspondence_by_customer ON practice.correspondence (tenant_id, customer_id, id) WHERE customer_id IS NOT NULL;
CREATE INDEX correspondence_by_vendor ON practice.correspondence (tenant_id, vendor_id, id) WHERE vendor_id IS NOT NULL;

-- What was said, by whom, when and under which number never changes. Void is the end; it keeps the number.
CREATE FUNCTION practice.correspondence_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF old.state = 'void'
     OR (new.number, new.direction, new.channel, new.on_date, new.body, new.correspondent, new.thread_id, new.created_by)
        <> (old.number, old.direction, old.channel, old.on_date, old.body, old.correspondent, old.thread_id, old.created_by)
     OR (new.customer_id, new.vendor_id, new.postal_address, new.email, new.reply_to_id, new.template_text_id)
        IS DISTINCT FROM (old.customer_id, old.vendor_id, old.postal_address, old.email, old.reply_to_id, old.template_text_id) THEN
    RAISE EXCEPTION 'an entry of the register stays what it is' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER correspondence_stays BEFORE UPDATE ON practice.correspondence
  FOR EACH ROW EXECUTE FUNCTION practice.correspondence_stays();

CREATE TABLE practice.correspondence_file (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  entry_id    uuid NOT NULL,
  file_id     uuid NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, entry_id, file_id),
  FOREIGN KEY (tenant_id, entry_id) REFERENCES practice.correspondence (tenant_id, id),
  FOREIGN KEY (tenant_id, file_id) REFERENCES core.file (tenant_id, id)
);
COMMENT ON TABLE practice.correspondence_file IS 'append-only';
SELECT core.raise_wall('practice.correspondence_file', 'append_only');
CREATE INDEX correspondence_file_by_file ON practice.correspondence_file (tenant_id, file_id);

INSERT INTO core.record_type (node_type, home) VALUES
  ('CorrespondenceEntry', 'practice.correspondence'),
  ('LetterTemplate', 'practice.letter_template');
SELECT core.know_record_types();
