GRANT SELECT, INSERT, UPDATE ON database_instance TO meterline_app;
