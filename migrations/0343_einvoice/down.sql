DROP TABLE finance.received_invoice, finance.e_invoice, finance.tax_treatment, finance.seller_profile;
ALTER TABLE finance.vendor DROP COLUMN electronic_address;
ALTER TABLE finance.customer DROP COLUMN electronic_address;
