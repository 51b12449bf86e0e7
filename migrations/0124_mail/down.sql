DROP FUNCTION identity.invitation_to_mail;
DROP TABLE identity.account_trail;
DROP TABLE identity.device;
DROP TABLE identity.password_reset;
