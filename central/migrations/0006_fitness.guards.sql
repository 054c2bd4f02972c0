-- The application says itself when the schema is another release's.
GRANT SELECT ON schema_migration TO meterline_app;
