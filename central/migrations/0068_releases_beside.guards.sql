GRANT SELECT ON release_beside TO meterline_app;
