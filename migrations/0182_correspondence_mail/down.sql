DROP TABLE practice.correspondence_mail;
