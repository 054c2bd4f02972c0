GRANT SELECT, INSERT, UPDATE ON gateway_rate TO meterline_app;
