GRANT SELECT, INSERT ON correction, settled_version, settled_stamp TO meterline_app;
GRANT UPDATE (state, approved_by, approved_at) ON correction TO meterline_app;
GRANT SELECT ON settled_part, settled_state, settled_movement, stamped_part TO meterline_app;

CREATE TRIGGER settled_version_append_only BEFORE UPDATE OR DELETE ON settled_version
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER settled_version_not_emptied BEFORE TRUNCATE ON settled_version
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER settled_stamp_append_only BEFORE UPDATE OR DELETE ON settled_stamp
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER settled_stamp_not_emptied BEFORE TRUNCATE ON settled_stamp
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION correction_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    decided text [] := ARRAY['state', 'approved_by', 'approved_at'];
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'correction % is refused deletion', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'decided' THEN
            RAISE EXCEPTION 'a correction begins as decided' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state <> 'decided' OR NEW.state = 'decided'
        OR to_jsonb(NEW) - decided IS DISTINCT FROM to_jsonb(OLD) - decided
    THEN
        RAISE EXCEPTION 'correction % keeps what was decided', OLD.id
            USING ERRCODE = 'restrict_violation', HINT = 'Decide another correction.';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER correction_guarded BEFORE INSERT OR UPDATE OR DELETE ON correction
FOR EACH ROW EXECUTE FUNCTION correction_guard();
CREATE TRIGGER correction_not_emptied BEFORE TRUNCATE ON correction
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A version follows the one before it, and is of a part that is issued.
CREATE FUNCTION settled_version_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.version <> 1 + coalesce(
        (SELECT max(version) FROM settled_version WHERE part_id = NEW.part_id), 1
    ) OR NOT EXISTS (
        SELECT FROM bill_part
        JOIN bill ON bill.id = bill_part.bill_id AND bill.state = 'issued'
        JOIN correction ON correction.id = NEW.correction_id
            AND correction.account_id = NEW.account_id
        WHERE bill_part.id = NEW.part_id AND bill.id = NEW.bill_id
            AND bill.account_id = NEW.account_id
    ) THEN
        RAISE EXCEPTION 'version % of part % does not follow', NEW.version, NEW.part_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER settled_version_follows BEFORE INSERT ON settled_version
FOR EACH ROW EXECUTE FUNCTION settled_version_guard();

-- At the commit its decision is approved; a dry run is rolled back before.
CREATE FUNCTION settled_version_approved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM correction
        WHERE id = NEW.correction_id AND state = 'approved' AND way = 'adjust'
    ) THEN
        RAISE EXCEPTION 'version % of part % is not approved', NEW.version, NEW.part_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER settled_version_decided AFTER INSERT ON settled_version
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION settled_version_approved();
