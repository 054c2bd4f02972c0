GRANT SELECT, INSERT ON vee_policy, storm, storm_end TO meterline_app;
CREATE TRIGGER vee_policy_append_only BEFORE UPDATE OR DELETE ON vee_policy
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER vee_policy_not_emptied BEFORE TRUNCATE ON vee_policy
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER storm_append_only BEFORE UPDATE OR DELETE ON storm
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER storm_not_emptied BEFORE TRUNCATE ON storm
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER storm_end_append_only BEFORE UPDATE OR DELETE ON storm_end
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER storm_end_not_emptied BEFORE TRUNCATE ON storm_end
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
