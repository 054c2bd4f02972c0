GRANT SELECT ON waiting_one_off TO meterline_app;
