REVOKE EXECUTE ON FUNCTION audit.canonical FROM backoffice_app;
DROP FUNCTION core.retry_job, core.cancel_job, core.finish_job, core.checkpoint_job, core.provider_job_args,
  core.enter_provider_job, core.enter_job, core.end_job, core.renew_leases, core.claim_job, core.note_job,
  core.enqueue_provider_job, core.enqueue_job;
DROP TABLE core.job_turn, core.job_queue, core.provider_job, core.job_attempt, core.job;
