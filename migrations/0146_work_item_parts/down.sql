DROP FUNCTION practice.notify_of_work;
DROP TABLE practice.work_notice;
DROP TABLE practice.work_watcher;
DROP TABLE practice.work_comment;
DROP TABLE practice.work_dependency;
DROP FUNCTION practice.no_circle;
DROP TABLE practice.work_check;
