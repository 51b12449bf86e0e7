-- Appointments: calendars of people, rooms, vehicles and equipment, and what is booked in them. That nothing overlaps is the
-- database's to decide: a range of time is held in a calendar once.
--
-- Equality of uuids inside an exclusion constraint takes this extension of PostgreSQL's own distribution, which the owner
-- of a database may create.
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE practice.appointment_calendar (
  tenant_id      uuid NOT NULL,
  id             uuid NOT NULL,
  name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  kind           text NOT NULL CHECK (kind IN ('person', 'room', 'vehicle', 'equipment')),
  account_id     uuid REFERENCES identity.account,
  hours_id       uuid NOT NULL,
  buffer_before  integer NOT NULL DEFAULT 0 CHECK (buffer_before BETWEEN 0 AND 1440),
  buffer_after   integer NOT NULL DEFAULT 0 CHECK (buffer_after BETWEEN 0 AND 1440),
  notice         integer NOT NULL DEFAULT 0 CHECK (notice BETWEEN 0 AND 129600),
  lead_days      integer NOT NULL DEFAULT 365 CHECK (lead_days BETWEEN 1 AND 365),
  deleted_at     timestamptz,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  version        integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, hours_id) REFERENCES core.business_calendar (tenant_id, id),
  CHECK (kind = 'person' OR account_id IS NULL)
);
COMMENT ON COLUMN practice.appointment_calendar.hours_id IS 'when it can be booked';
COMMENT ON COLUMN practice.appointment_calendar.notice IS 'minutes from now before which nothing is booked';
COMMENT ON COLUMN practice.appointment_calendar.lead_days IS 'days from now behind which nothing is booked';
SELECT core.raise_wall('practice.appointment_calendar', 'mutable');
CREATE UNIQUE INDEX appointment_calendar_name ON practice.appointment_calendar (tenant_id, name) WHERE deleted_at IS NULL;

CREATE TABLE practice.appointment (
  tenant_id         uuid NOT NULL,
  id                uuid NOT NULL,
  uid               text NOT NULL CHECK (length(uid) BETWEEN 1 AND 255),
  title             text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
  description       text NOT NULL DEFAULT '' CHECK (length(description) <= 20000),
  location          text NOT NULL DEFAULT '' CHECK (length(location) <= 500),
  time_zone         text NOT NULL CHECK (length(time_zone) BETWEEN 1 AND 60),
  starts_wall       timestamp NOT NULL,
  minutes           integer NOT NULL CHECK (minutes BETWEEN 1 AND 44640),
  rule              text CHECK (length(rule) BETWEEN 1 AND 1000),
  month_end         boolean NOT NULL DEFAULT false,
  added             timestamp[] NOT NULL DEFAULT '{}',
  left_out          timestamp[] NOT NULL DEFAULT '{}',
  state             text NOT NULL DEFAULT 'booked' CHECK (state IN ('booked', 'cancelled')),
  sequence          integer NOT NULL DEFAULT 0 CHECK (sequence >= 0),
  laid_until        timestamptz,
  continues_id      uuid,
  record_prefix     text CHECK (record_prefix ~ '^[a-z]{1,10}$'),
  record_id         uuid,
  visible_to_client boolean NOT NULL DEFAULT false,
  created_by        uuid NOT NULL,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  version           integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, uid),
  FOREIGN KEY (tenant_id, continues_id) REFERENCES practice.appointment (tenant_id, id),
  CHECK ((record_prefix IS NULL) = (record_id IS NULL))
);
COMMENT ON COLUMN practice.appointment.starts_wall IS 'when it begins, on the wall of its zone; of a series the first time';
COMMENT ON COLUMN practice.appointment.laid_until IS 'the instant up to which a series has been laid out; null: all of it';
COMMENT ON COLUMN practice.appointment.continues_id IS 'the series of which it is what follows';
SELECT core.raise_wall('practice.appointment', 'mutable');
CREATE INDEX appointment_to_be_laid ON practice.appointment (tenant_id, laid_until) WHERE laid_until IS NOT NULL;
CREATE INDEX appointment_by_record ON practice.appointment (tenant_id, record_id) WHERE record_id IS NOT NULL;

-- Which calendars an appointment needs.
CREATE TABLE practice.appointment_use (
  tenant_id       uuid NOT NULL,
  id              uuid NOT NULL,
  appointment_id  uuid NOT NULL,
  calendar_id     uuid NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  version         integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, appointment_id, calendar_id),
  FOREIGN KEY (tenant_id, appointment_id) REFERENCES practice.appointment (tenant_id, id),
  FOREIGN KEY (tenant_id, calendar_id) REFERENCES practice.appointment_calendar (tenant_id, id)
);
SELECT core.raise_wall('practice.appointment_use', 'deletable');
CREATE INDEX appointment_use_by_calendar ON practice.appointment_use (tenant_id, calendar_id, appointment_id);

CREATE TABLE practice.appointment_occurrence (
  tenant_id       uuid NOT NULL,
  id              uuid NOT NULL,
  appointment_id  uuid NOT NULL,
  wall            timestamp NOT NULL,
  starts_at       timestamptz NOT NULL,
  ends_at         timestamptz NOT NULL,
  state           text NOT NULL DEFAULT 'booked' CHECK (state IN ('booked', 'moved', 'cancelled')),
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  version         integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, appointment_id, wall),
  FOREIGN KEY (tenant_id, appointment_id) REFERENCES practice.appointment (tenant_id, id),
  CHECK (starts_at < ends_at)
);
COMMENT ON COLUMN practice.appointment_occurrence.wall IS 'when the series has it, on the wall; also once it was moved';
SELECT core.raise_wall('practice.appointment_occurrence', 'deletable');
CREATE INDEX appointment_occurrence_by_time ON practice.appointment_occurrence (tenant_id, starts_at, id);

-- What an occurrence takes of a calendar, with the buffers that the calendar had when it was booked.
CREATE TABLE practice.appointment_hold (
  tenant_id      uuid NOT NULL,
  id             uuid NOT NULL,
  occurrence_id  uuid NOT NULL,
  calendar_id    uuid NOT NULL,
  busy_from      timestamptz NOT NULL,
  busy_until     timestamptz NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  version        integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, occurrence_id) REFERENCES practice.appointment_occurrence (tenant_id, id),
  FOREIGN KEY (tenant_id, calendar_id) REFERENCES practice.appointment_calendar (tenant_id, id),
  CHECK (busy_from < busy_until),
  CONSTRAINT appointment_hold_once EXCLUDE USING gist
    (tenant_id WITH =, calendar_id WITH =, tstzrange(busy_from, busy_until, '[)') WITH &&)
);
SELECT core.raise_wall('practice.appointment_hold', 'deletable');
-- Ranges reach no index under row security: whoever looks for what is busy goes by its beginning.
CREATE INDEX appointment_hold_by_time ON practice.appointment_hold (tenant_id, calendar_id, busy_from);
CREATE INDEX appointment_hold_by_occurrence ON practice.appointment_hold (tenant_id, occurrence_id);

INSERT INTO core.record_type (node_type, home) VALUES
  ('AppointmentCalendar', 'practice.appointment_calendar'),
  ('Appointment', 'practice.appointment'),
  ('AppointmentOccurrence', 'practice.appointment_occurrence');
SELECT core.know_record_types();

-- Roles of clients that are there already get what the same roles of a new client have.
-- Each client's entries of the trail are sealed while the transaction is that client's.
SET CONSTRAINTS ALL IMMEDIATE;
DO $$
DECLARE
  client uuid;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    PERFORM set_config('app.actor_kind', 'system', true);
    PERFORM set_config('app.actor_name', 'Appointments', true);
    UPDATE identity.role r SET permissions = r.permissions || w.rights
      FROM (VALUES ('Accountant', ARRAY['work.appointment.read', 'work.appointment.book', 'work.appointment_calendar.manage']),
                   ('Bookkeeper', ARRAY['work.appointment.read', 'work.appointment.book']),
                   ('Client administrator', ARRAY['work.client_appointment.read']),
                   ('Portal', ARRAY['work.client_appointment.read'])) AS w (name, rights)
     WHERE r.tenant_id = client AND r.name = w.name AND NOT r.permissions && w.rights;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
  PERFORM set_config('app.actor_kind', '', true);
  PERFORM set_config('app.actor_name', '', true);
END $$;
SET CONSTRAINTS ALL DEFERRED;
