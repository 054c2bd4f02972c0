GRANT SELECT, INSERT, UPDATE, DELETE ON unclosed_days TO meterline_app;
