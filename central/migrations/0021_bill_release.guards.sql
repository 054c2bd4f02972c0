GRANT UPDATE (release) ON bill TO meterline_app;
