UPDATE identity.provider_role
   SET client_permissions = ARRAY (SELECT p FROM unnest(client_permissions) AS p WHERE p NOT IN ('core.webhook.read', 'core.webhook.manage'))
 WHERE id = '00000000-0000-7000-8000-000000000001';
DROP FUNCTION core.webhook_sweep;
DROP FUNCTION core.webhook_fan_out;
DROP FUNCTION core.webhook_finish;
DROP FUNCTION core.webhook_claim;
DROP FUNCTION core.webhook_enqueue;
DROP FUNCTION core.webhook_lanes;
DROP TABLE core.webhook_attempt;
DROP TABLE core.webhook_delivery;
DROP TABLE core.webhook_lane;
DROP TABLE core.webhook_secret;
DROP TABLE core.webhook_endpoint;
DROP FUNCTION core.webhook_keep_lane;
