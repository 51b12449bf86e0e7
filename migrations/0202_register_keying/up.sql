-- Double keying: a second person keys the critical values of a record without seeing them. The same: it is confirmed.
-- Different: a third one takes for each value what the first or the second has said. All of that is decided here.
CREATE TABLE practice.register_keying (
  tenant_id     uuid NOT NULL,
  id            uuid NOT NULL,
  record_id     uuid NOT NULL,
  round         integer NOT NULL CHECK (round > 0),
  place         integer NOT NULL CHECK (place IN (2, 3)),
  fields        jsonb NOT NULL CHECK (jsonb_typeof(fields) = 'object'),
  agreed        boolean NOT NULL DEFAULT false,
  keyed_by      uuid NOT NULL,
  keyed_by_name text NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, record_id, round, place),
  FOREIGN KEY (tenant_id, record_id) REFERENCES practice.register_record (tenant_id, id)
);
COMMENT ON TABLE practice.register_keying IS 'append-only';
COMMENT ON COLUMN practice.register_keying.place IS '2: keyed a second time; 3: decided between the first and the second';
COMMENT ON COLUMN practice.register_keying.fields IS 'the critical values that were said; what is not there was said to be empty';
SELECT core.raise_wall('practice.register_keying', 'append_only');

-- These, and who has made those of them that are programs.
CREATE FUNCTION practice.register_hands(p_tenant uuid, p_accounts uuid[]) RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT p_accounts || ARRAY (SELECT DISTINCT e.actor_id FROM audit.entry e
                               WHERE e.tenant_id = p_tenant AND e.record_id = ANY (p_accounts)
                                 AND e.table_name = 'identity.service_account' AND e.actor_id IS NOT NULL)
$$;

-- Whether it is the turn of this keying, and of this person: not one who has keyed before, by whichever account or program.
CREATE FUNCTION practice.register_keying_allowed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  actor  uuid := nullif(current_setting('app.actor_id', true), '')::uuid;
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  found_ practice.register_record;
  twice  text[];
  second practice.register_keying;
  hands  uuid[];
BEGIN
  SELECT r.* INTO found_ FROM practice.register_record r
   WHERE r.tenant_id = new.tenant_id AND r.tenant_id = tenant AND r.id = new.record_id FOR UPDATE;
  -- the wall or the key refuses it
  IF found_.id IS NULL THEN RETURN new; END IF;
  SELECT r.critical INTO twice FROM practice.register r WHERE r.tenant_id = found_.tenant_id AND r.id = found_.register_id;
  IF actor IS NULL OR new.round <> found_.round OR found_.state <> (CASE WHEN new.place = 2 THEN 'unconfirmed' ELSE 'different' END) THEN
    RAISE EXCEPTION 'the record does not wait for this' USING ERRCODE = 'BO202', CONSTRAINT = 'BO202';
  END IF;
  hands := found_.keyed_by;
  IF new.place = 3 THEN
    SELECT k.* INTO second FROM practice.register_keying k
     WHERE k.tenant_id = new.tenant_id AND k.record_id = new.record_id AND k.round = new.round AND k.place = 2;
    hands := hands || second.keyed_by;
  END IF;
  IF EXISTS (SELECT 1 FROM unnest(practice.register_hands(new.tenant_id, hands)) AS h,
                           unnest(practice.register_hands(new.tenant_id, ARRAY[actor])) AS a
              WHERE practice.same_person(h, a)) THEN
    RAISE EXCEPTION 'somebody else keys it' USING ERRCODE = 'BO201', CONSTRAINT = 'BO201';
  END IF;
  new.keyed_by := actor;
  new.keyed_by_name := coalesce(current_setting('app.actor_name', true), '');
  new.fields := (SELECT coalesce(jsonb_object_agg(t, new.fields ->> t), '{}') FROM unnest(twice) AS t WHERE new.fields ->> t IS NOT NULL);
  IF new.place = 2 THEN
    new.agreed := NOT EXISTS (SELECT 1 FROM unnest(twice) AS t WHERE new.fields ->> t IS DISTINCT FROM found_.fields ->> t);
  ELSE
    new.agreed := true;
    IF EXISTS (SELECT 1 FROM unnest(twice) AS t
                WHERE new.fields ->> t IS DISTINCT FROM found_.fields ->> t
                  AND new.fields ->> t IS DISTINCT FROM second.fields ->> t) THEN
      RAISE EXCEPTION 'a third value is none of the two' USING ERRCODE = 'BO204', CONSTRAINT = 'BO204';
    END IF;
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER allowed BEFORE INSERT ON practice.register_keying
  FOR EACH ROW EXECUTE FUNCTION practice.register_keying_allowed();

-- What comes of it for the record.
CREATE FUNCTION practice.register_keying_counts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  UPDATE practice.register_record r
     SET state = CASE WHEN new.agreed THEN 'confirmed' ELSE 'different' END,
         fields = CASE WHEN new.place = 3 THEN (r.fields - g.critical) || new.fields ELSE r.fields END
    FROM practice.register g
   WHERE r.tenant_id = new.tenant_id AND r.id = new.record_id AND g.tenant_id = r.tenant_id AND g.id = r.register_id;
  RETURN NULL;
END $$;
CREATE TRIGGER counts AFTER INSERT ON practice.register_keying
  FOR EACH ROW EXECUTE FUNCTION practice.register_keying_counts();
