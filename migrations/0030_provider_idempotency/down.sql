DROP FUNCTION core.keep_provider_answer, core.provider_answer, core.claim_provider_key, core.acting;
DROP TABLE core.provider_idempotency;
