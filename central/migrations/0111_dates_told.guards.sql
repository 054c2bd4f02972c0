GRANT SELECT, INSERT, DELETE ON date_told TO meterline_app;
