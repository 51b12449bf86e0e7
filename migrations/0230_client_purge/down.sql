UPDATE identity.provider_role SET permissions = array_remove(permissions, 'practice.client.purge');
DROP FUNCTION practice.decide_purge(uuid, boolean);
DROP FUNCTION practice.propose_purge(uuid, text, boolean);
DROP FUNCTION practice.may_be_purged(practice.client_offboarding, boolean);
DROP FUNCTION practice.keep_client(uuid, date);
DROP FUNCTION practice.live_holds(uuid);
DROP FUNCTION practice.kept_until(practice.client_offboarding);
ALTER TABLE practice.client_offboarding
  DROP COLUMN certificate,
  DROP COLUMN purged_at,
  DROP COLUMN purge_confirmed_at,
  DROP COLUMN purge_confirmed_by_name,
  DROP COLUMN purge_proposed_at,
  DROP COLUMN purge_proposed_by_name,
  DROP COLUMN purge_proposed_by,
  DROP COLUMN purge_lifts_holds,
  DROP COLUMN purge_reason,
  DROP COLUMN keep_until;
