DELETE FROM core.record_type WHERE node_type IN ('CorrespondenceEntry', 'LetterTemplate');
SELECT core.know_record_types();
DROP TABLE practice.correspondence_file, practice.correspondence, practice.letter_template_text, practice.letter_template;
DROP FUNCTION practice.correspondence_stays;
