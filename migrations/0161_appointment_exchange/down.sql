DROP FUNCTION practice.appointment_feed_read;
DROP FUNCTION practice.appointments_written;
DELETE FROM core.record_type WHERE node_type = 'AppointmentFeed';
SELECT core.know_record_types();
DROP TABLE practice.appointment_feed;
DROP TABLE practice.appointment_attendee;
