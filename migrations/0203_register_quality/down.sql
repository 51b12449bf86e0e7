DROP TABLE practice.register_misfit, practice.register_likeness;
