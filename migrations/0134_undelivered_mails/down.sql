UPDATE identity.provider_role r SET permissions = array_remove(r.permissions, 'identity.mail.manage');
DROP FUNCTION core.retry_mail(uuid);
DROP FUNCTION core.undelivered_mails(timestamptz, uuid, bigint);
DROP INDEX core.provider_job_given_up;
