-- Neither may the application delete a personal value by itself, nor change a revision.
GRANT EXECUTE ON FUNCTION erase_account TO meterline_app;
