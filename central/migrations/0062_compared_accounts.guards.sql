GRANT SELECT, INSERT, UPDATE ON compared_account TO meterline_app;
GRANT SELECT ON issued_part TO meterline_app;
