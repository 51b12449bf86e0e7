DELETE FROM core.record_type WHERE node_type = 'VendorBankChange';
SELECT core.know_record_types();
DROP TRIGGER keep_bank_details ON finance.vendor;
DROP FUNCTION finance.keep_bank_details;
DROP FUNCTION finance.apply_bank_change;
DELETE FROM practice.approval_subject WHERE subject = 'vendor_bank_change';
DROP FUNCTION finance.bank_change_to_approve;
DROP TABLE finance.vendor_bank_change;
