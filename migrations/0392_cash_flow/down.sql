DROP TABLE finance.cash_flow_place;
