-- How the letters of a client look.
CREATE TABLE practice.letter_branding (
  tenant_id    uuid NOT NULL,
  id           uuid NOT NULL,
  sender_line  text NOT NULL CHECK (length(sender_line) BETWEEN 1 AND 200),
  color        text NOT NULL CHECK (color ~ '^#[0-9a-f]{6}$'),
  footer       text NOT NULL DEFAULT '' CHECK (length(footer) <= 1000),
  logo_file_id uuid,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  version      integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id),
  FOREIGN KEY (tenant_id, logo_file_id) REFERENCES core.file (tenant_id, id)
);
SELECT core.raise_wall('practice.letter_branding', 'mutable');
