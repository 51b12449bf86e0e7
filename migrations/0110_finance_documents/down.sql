DROP TABLE finance.allocation, finance.open_item, finance.bill_line, finance.bill, finance.invoice_line, finance.invoice,
  finance.vendor, finance.customer;
DROP FUNCTION finance.keep_item, finance.settle_item, finance.freeze_bill_line, finance.freeze_invoice_line, finance.freeze_document;
