DROP FUNCTION core.list_job_problems;
DROP TABLE core.job_problem;
DROP FUNCTION core.progress_job;
