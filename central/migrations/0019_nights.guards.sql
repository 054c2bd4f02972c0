GRANT SELECT, INSERT, UPDATE, DELETE ON night_job TO meterline_app;
