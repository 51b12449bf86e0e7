DROP FUNCTION core.end_mailbox_turn;
DROP FUNCTION core.take_mailbox_turn;
DROP TABLE core.mailbox_turn;
