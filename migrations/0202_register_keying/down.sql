DROP TABLE practice.register_keying;
DROP FUNCTION practice.register_keying_counts, practice.register_keying_allowed, practice.register_hands;
