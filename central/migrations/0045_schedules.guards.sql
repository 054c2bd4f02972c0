GRANT SELECT, INSERT, UPDATE, DELETE ON schedule TO meterline_app;
GRANT SELECT ON queue_migration TO meterline_app;
