-- Connections that stay open are looked after: whether their sessions and grants still are what they were, and whether
-- there are events that another server wrote. Both are asked for many at once, by the server itself.

-- The edition of each credential's rights, as `core.enter` gives it; null where the session, the account or the service
-- account is over, or the client is unknown. Whoever's edition is no longer what it was enters anew, and is told by the
-- door whether he may stay.
CREATE FUNCTION core.editions(p_kinds text[], p_actors uuid[], p_sessions uuid[], p_tenants uuid[])
RETURNS TABLE (place integer, edition text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  of_actor bigint;
  of_tenant bigint;
  zone text;
BEGIN
  FOR i IN 1 .. coalesce(cardinality(p_kinds), 0) LOOP
    place := i;
    edition := NULL;
    of_actor := NULL;
    PERFORM set_config('app.tenant_id', coalesce(p_tenants[place]::text, ''), true);
    IF p_kinds[place] = 'user' THEN
      SELECT a.rights_edition INTO of_actor
        FROM identity.session s JOIN identity.account a ON a.id = s.account_id
       WHERE s.id = p_sessions[place] AND s.account_id = p_actors[place]
         AND s.revoked_at IS NULL AND s.expires_at > now() AND a.disabled_at IS NULL;
    ELSE
      SELECT s.version INTO of_actor FROM identity.service_account s
       WHERE s.tenant_id = p_tenants[place] AND s.id = p_actors[place] AND s.revoked_at IS NULL AND s.expires_at > now();
    END IF;
    IF of_actor IS NOT NULL THEN
      edition := of_actor::text;
      IF p_tenants[place] IS NOT NULL THEN
        SELECT c.time_zone, t.rights_edition INTO zone, of_tenant
          FROM practice.client c JOIN core.tenant t ON t.id = c.tenant_id WHERE c.tenant_id = p_tenants[place];
        edition := CASE WHEN FOUND THEN of_actor || '.' || of_tenant || '.' || (now() AT TIME ZONE zone)::date END;
      END IF;
    END IF;
    RETURN NEXT;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
GRANT EXECUTE ON FUNCTION core.editions TO backoffice_identity;

-- The newest position of each client's events; those without any are left out.
CREATE FUNCTION core.event_heads(p_tenants uuid[]) RETURNS TABLE (client_id uuid, head bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  FOREACH client_id IN ARRAY p_tenants LOOP
    PERFORM core.set_tenant(client_id);
    SELECT h.position INTO head FROM core.event_head h WHERE h.tenant_id = client_id;
    IF FOUND THEN
      RETURN NEXT;
    END IF;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
GRANT EXECUTE ON FUNCTION core.event_heads TO backoffice_identity;
