GRANT SELECT, INSERT, UPDATE, DELETE ON meter_seen, answer TO meterline_app;
