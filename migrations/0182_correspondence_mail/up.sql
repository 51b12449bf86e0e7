-- Mails of the register that are sent: how far each has come, and the Message-ID under which answers find it.
CREATE TABLE practice.correspondence_mail (
  tenant_id     uuid NOT NULL,
  id            uuid NOT NULL,
  entry_id      uuid NOT NULL,
  state         text NOT NULL CHECK (state IN ('queued', 'sent', 'given_up', 'retried')),
  with_files    boolean NOT NULL,
  message_id    text CHECK (length(message_id) BETWEEN 3 AND 255),
  failures      integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
  problem       text CHECK (length(problem) BETWEEN 1 AND 500),
  sent_at       timestamptz,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  version       integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, entry_id),
  FOREIGN KEY (tenant_id, entry_id) REFERENCES practice.correspondence (tenant_id, id),
  CHECK ((state = 'sent') = (sent_at IS NOT NULL)),
  CHECK (state <> 'given_up' OR problem IS NOT NULL)
);
COMMENT ON COLUMN practice.correspondence_mail.id IS 'the Message-ID is made of it, so that a mail that is sent once more says the same';
SELECT core.raise_wall('practice.correspondence_mail', 'mutable');
CREATE UNIQUE INDEX correspondence_mail_by_message ON practice.correspondence_mail (tenant_id, message_id) WHERE message_id IS NOT NULL;
