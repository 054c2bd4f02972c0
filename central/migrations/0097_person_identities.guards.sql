GRANT SELECT, INSERT, DELETE ON person_identity TO meterline_app;
