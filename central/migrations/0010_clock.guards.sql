REVOKE ALL ON FUNCTION reading_attach FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reading_attach TO meterline_app;
