DELETE FROM core.record_type WHERE node_type = 'DocumentShare';
SELECT core.know_record_types();
DROP FUNCTION practice.share_counted;
DROP FUNCTION practice.share_opened;
DROP TABLE practice.document_share;
DROP FUNCTION practice.keep_share_door;
DROP TABLE practice.share_door;
