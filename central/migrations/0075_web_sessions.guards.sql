GRANT SELECT, INSERT, DELETE ON web_session TO meterline_app;
GRANT UPDATE (seen_at, ended_at, ended_by) ON web_session TO meterline_app;
