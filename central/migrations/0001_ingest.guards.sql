CREATE TRIGGER reading_append_only BEFORE UPDATE OR DELETE ON reading
FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The application owns nothing: it cannot drop, truncate, rewrite or disable a trigger.
GRANT USAGE ON SCHEMA public TO meterline_app;
GRANT SELECT, INSERT ON
    gateway, gateway_epoch, meter, channel, batch, reading, conflict, quarantine, rejected,
    finding, touched
TO meterline_app;
GRANT UPDATE ON
    gateway, gateway_epoch, meter, batch, conflict, quarantine, rejected, finding
TO meterline_app;
GRANT DELETE ON touched, rejected TO meterline_app;
GRANT SELECT ON reconciliation, gateway_seen, reading_hour TO meterline_app;
GRANT EXECUTE ON FUNCTION reading_attach TO meterline_app;
