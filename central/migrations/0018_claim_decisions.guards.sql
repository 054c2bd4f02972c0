GRANT SELECT, INSERT ON claim_decision TO meterline_app;
CREATE TRIGGER claim_decision_append_only BEFORE UPDATE OR DELETE ON claim_decision
FOR EACH ROW EXECUTE FUNCTION refuse_change();
