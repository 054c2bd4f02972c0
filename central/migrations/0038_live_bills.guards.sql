GRANT SELECT ON live_bill TO meterline_app;
