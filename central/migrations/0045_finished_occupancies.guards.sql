GRANT SELECT, INSERT, UPDATE ON finished_occupancy TO meterline_app;
GRANT SELECT ON left_of_occupancy, unsettled_occupancy TO meterline_app;
