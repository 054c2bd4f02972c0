GRANT SELECT ON tariff_in_force TO meterline_app;
