DROP TABLE practice.letter_branding;
