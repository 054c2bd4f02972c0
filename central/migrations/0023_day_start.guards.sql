GRANT UPDATE (day_start) ON service TO meterline_app;
