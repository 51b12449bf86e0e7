-- Mails that were given up, for those who look after the provider: to whom each was to go, shown so that it is known
-- again and not told, and how often it was tried. What the mail server said stays inside, since it may repeat the address.

CREATE INDEX provider_job_given_up ON core.provider_job (ended_at, id) WHERE state = 'failed' AND kind = 'mail.sign_in';

CREATE FUNCTION core.undelivered_mails(p_before timestamptz, p_id uuid, p_limit bigint)
RETURNS TABLE (id uuid, about text, recipient text, attempts integer, error_code text, asked_at timestamptz, given_up_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  mail core.provider_job;
  whole text;
BEGIN
  FOR mail IN
    SELECT j.* FROM core.provider_job j
     WHERE j.state = 'failed' AND j.kind = 'mail.sign_in' AND (p_id IS NULL OR (j.ended_at, j.id) < (p_before, p_id))
     ORDER BY j.ended_at DESC, j.id DESC LIMIT p_limit
  LOOP
    about := (SELECT k FROM jsonb_object_keys(mail.args) AS k LIMIT 1);
    whole := NULL;
    IF about = 'Invitation' THEN
      PERFORM core.set_tenant((mail.args #>> '{Invitation,client}')::uuid);
      SELECT i.email INTO whole FROM identity.invitation i
       WHERE i.tenant_id = (mail.args #>> '{Invitation,client}')::uuid AND i.id = (mail.args #>> '{Invitation,invitation}')::uuid;
      PERFORM set_config('app.tenant_id', '', true);
    ELSIF about = 'NewDevice' THEN
      SELECT a.email INTO whole FROM identity.session s JOIN identity.account a ON a.id = s.account_id
       WHERE s.id = (mail.args #>> '{NewDevice,session}')::uuid;
    ELSE
      SELECT a.email INTO whole FROM identity.account a WHERE a.id = (mail.args #>> ARRAY[about, 'account'])::uuid;
    END IF;
    id := mail.id;
    recipient := left(whole, 1) || '…' || substring(whole FROM '@[^@]*$');
    attempts := mail.attempts;
    error_code := mail.error_code;
    asked_at := mail.created_at;
    given_up_at := mail.ended_at;
    RETURN NEXT;
  END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION core.undelivered_mails TO backoffice_identity;

-- Has a mail that was given up sent again; it goes on where it was. 'unknown', 'state' (it waits or was sent) or 'waiting'.
CREATE FUNCTION core.retry_mail(p_job uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  known core.provider_job;
BEGIN
  SELECT j.* INTO known FROM core.provider_job j WHERE j.id = p_job AND j.kind = 'mail.sign_in' FOR UPDATE;
  IF NOT FOUND THEN RETURN 'unknown'; END IF;
  IF known.state <> 'failed' THEN RETURN 'state'; END IF;
  UPDATE core.provider_job j
     SET state = 'waiting', ended_at = NULL, error = NULL, error_code = NULL, result = NULL, run_at = now(), updated_at = clock_timestamp()
   WHERE j.id = p_job;
  INSERT INTO core.job_queue (job_id, lane, kind, due_at)
  VALUES (p_job, '00000000-0000-0000-0000-000000000000', known.kind, now());
  RETURN 'waiting';
END $$;
GRANT EXECUTE ON FUNCTION core.retry_mail TO backoffice_identity;

-- Whoever takes on clients for the provider looks after its mails.
UPDATE identity.provider_role r SET permissions = r.permissions || '{identity.mail.manage}'
 WHERE r.permissions @> '{practice.client.onboard}' AND NOT r.permissions @> '{identity.mail.manage}';
