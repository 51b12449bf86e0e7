-- Appointments outside: who is invited and what he has answered, and feeds that calendars of others read at a secret address.

CREATE TABLE practice.appointment_attendee (
  tenant_id       uuid NOT NULL,
  id              uuid NOT NULL,
  appointment_id  uuid NOT NULL,
  email           text NOT NULL CHECK (length(email) BETWEEN 3 AND 254 AND email = lower(email)),
  name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  answer          text NOT NULL DEFAULT 'open' CHECK (answer IN ('open', 'accepted', 'declined', 'tentative')),
  answered_at     timestamptz,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  version         integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, appointment_id, email),
  FOREIGN KEY (tenant_id, appointment_id) REFERENCES practice.appointment (tenant_id, id),
  CHECK ((answer = 'open') = (answered_at IS NULL))
);
SELECT core.raise_wall('practice.appointment_attendee', 'mutable');

CREATE TABLE practice.appointment_feed (
  tenant_id    uuid NOT NULL,
  id           uuid NOT NULL,
  calendar_id  uuid NOT NULL,
  name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  token_hash   bytea NOT NULL CHECK (length(token_hash) = 32),
  revoked_at   timestamptz,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  version      integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, token_hash),
  FOREIGN KEY (tenant_id, calendar_id) REFERENCES practice.appointment_calendar (tenant_id, id)
);
SELECT core.raise_wall('practice.appointment_feed', 'mutable', secrets => ARRAY['token_hash']);
CREATE INDEX appointment_feed_by_calendar ON practice.appointment_feed (tenant_id, calendar_id, id);

INSERT INTO core.record_type (node_type, home) VALUES ('AppointmentFeed', 'practice.appointment_feed');
SELECT core.know_record_types();

-- Appointments as they are written for calendars of others: with every time that is otherwise than its series.
CREATE FUNCTION practice.appointments_written(p_tenant uuid, p_appointments uuid[]) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT coalesce(jsonb_agg(to_jsonb(a) || jsonb_build_object(
           'attendees', (SELECT coalesce(jsonb_agg(jsonb_build_object('email', t.email, 'name', t.name, 'answer', t.answer) ORDER BY t.email), '[]')
                           FROM practice.appointment_attendee t WHERE t.tenant_id = p_tenant AND t.appointment_id = a.id),
           'others', (SELECT coalesce(jsonb_agg(jsonb_build_object('wall', o.wall, 'starts_at', o.starts_at, 'ends_at', o.ends_at, 'state', o.state) ORDER BY o.wall), '[]')
                        FROM practice.appointment_occurrence o
                       WHERE o.tenant_id = p_tenant AND o.appointment_id = a.id AND o.state <> 'booked')) ORDER BY a.id), '[]')
    FROM practice.appointment a WHERE a.tenant_id = p_tenant AND a.id = ANY (p_appointments)
$$;
REVOKE EXECUTE ON FUNCTION practice.appointments_written FROM PUBLIC;
GRANT EXECUTE ON FUNCTION practice.appointments_written TO backoffice_app;

-- What a feed shows: its calendar's name and the appointments that are not long over, the latest booked first. Nothing if
-- there is no such feed, or it was revoked.
CREATE FUNCTION practice.appointment_feed_read(p_tenant uuid, p_hash bytea) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  feed   record;
  shown  jsonb;
BEGIN
  PERFORM core.set_tenant(p_tenant);
  SELECT f.calendar_id, c.name INTO feed
    FROM practice.appointment_feed f
    JOIN practice.appointment_calendar c ON c.tenant_id = f.tenant_id AND c.id = f.calendar_id
   WHERE f.tenant_id = p_tenant AND f.token_hash = p_hash AND f.revoked_at IS NULL AND c.deleted_at IS NULL;
  IF FOUND THEN
    shown := jsonb_build_object('name', feed.name, 'appointments', practice.appointments_written(p_tenant, ARRAY(
      SELECT a.id FROM practice.appointment_use u
        JOIN practice.appointment a ON a.tenant_id = u.tenant_id AND a.id = u.appointment_id
       WHERE u.tenant_id = p_tenant AND u.calendar_id = feed.calendar_id
         AND EXISTS (SELECT 1 FROM practice.appointment_occurrence o
                      WHERE o.tenant_id = p_tenant AND o.appointment_id = a.id AND o.ends_at > now() - interval '90 days')
       ORDER BY a.id DESC LIMIT 2000)));
  END IF;
  PERFORM set_config('app.tenant_id', '', true);
  RETURN shown;
END $$;
REVOKE EXECUTE ON FUNCTION practice.appointment_feed_read FROM PUBLIC;
GRANT EXECUTE ON FUNCTION practice.appointment_feed_read TO backoffice_identity;
