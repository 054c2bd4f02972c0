CREATE TRIGGER day_block_append_only BEFORE UPDATE OR DELETE ON day_block
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER tariff_version_append_only BEFORE UPDATE OR DELETE ON tariff_version
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log
FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION bill_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'bill % is refused deletion', OLD.id
            USING ERRCODE = 'restrict_violation', HINT = 'A bill is cancelled by another bill.';
    END IF;
    IF OLD.state = 'issued' THEN
        RAISE EXCEPTION 'bill % is issued: it is never changed', OLD.id
            USING ERRCODE = 'restrict_violation', HINT = 'Cancel it and bill again.';
    END IF;
    IF (OLD.account_id, OLD.cycle, OLD.run_type, OLD.revision, OLD.run_id, OLD.uid)
        IS DISTINCT FROM (NEW.account_id, NEW.cycle, NEW.run_type, NEW.revision, NEW.run_id, NEW.uid)
    THEN
        RAISE EXCEPTION 'bill % keeps its account, cycle, type, revision and run', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state = 'approved' AND NEW.state <> 'draft' AND (NEW.state NOT IN ('approved', 'issued')
        OR (OLD.total, OLD.kwh, OLD.currency, OLD.sha256, OLD.document, OLD.approver, OLD.creator)
        IS DISTINCT FROM (NEW.total, NEW.kwh, NEW.currency, NEW.sha256, NEW.document, NEW.approver, NEW.creator))
    THEN
        RAISE EXCEPTION 'bill % is approved: its content stays', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state = 'issued' AND OLD.state <> 'approved'
        OR NEW.state = 'approved' AND OLD.state NOT IN ('draft', 'approved') THEN
        RAISE EXCEPTION 'bill % cannot go from % to %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER bill_guarded BEFORE UPDATE OR DELETE ON bill
FOR EACH ROW EXECUTE FUNCTION bill_guard();

CREATE FUNCTION bill_begins_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM added WHERE state NOT IN ('draft', 'held')) THEN
        RAISE EXCEPTION 'a bill begins as draft or held' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER bill_begins AFTER INSERT ON bill REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION bill_begins_open();

CREATE FUNCTION bill_content_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT bill_id FROM changed) AS part
        LEFT JOIN bill ON bill.id = part.bill_id
        WHERE bill.id IS NULL OR bill.state NOT IN ('draft', 'held')
    ) THEN
        RAISE EXCEPTION '% of an approved, issued or unknown bill: % is refused',
            TG_TABLE_NAME, TG_OP
            USING ERRCODE = 'restrict_violation', HINT = 'Cancel the bill and bill again.';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER bill_line_added AFTER INSERT ON bill_line REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION bill_content_guard();
CREATE TRIGGER bill_line_removed AFTER DELETE ON bill_line REFERENCING OLD TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION bill_content_guard();
CREATE TRIGGER bill_line_kept BEFORE UPDATE ON bill_line
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER bill_part_added AFTER INSERT ON bill_part REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION bill_content_guard();
CREATE TRIGGER bill_part_removed AFTER DELETE ON bill_part REFERENCING OLD TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION bill_content_guard();
CREATE TRIGGER bill_part_kept BEFORE UPDATE ON bill_part
FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The hash of an audit row, over the row before it; every part has its length before it.
CREATE FUNCTION audit_hash(entry audit_log) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
SELECT sha256(entry.prev_hash || convert_to(concat_ws(
    '|',
    entry.id,
    (extract(epoch FROM entry.at) * 1000000)::bigint,
    length(entry.actor), entry.actor,
    length(entry.action), entry.action,
    length(entry.subject), entry.subject,
    entry.detail::text
), 'UTF8'))
$$;

CREATE FUNCTION audit_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    newest audit_log;
BEGIN
    PERFORM pg_advisory_xact_lock(7302001);
    SELECT * INTO newest FROM audit_log ORDER BY id DESC LIMIT 1;
    NEW.id := coalesce(newest.id, 0) + 1;
    NEW.prev_hash := coalesce(newest.sha256, decode(repeat('00', 32), 'hex'));
    NEW.sha256 := audit_hash(NEW);
    RETURN NEW;
END
$$;
CREATE TRIGGER audit_log_chained BEFORE INSERT ON audit_log
FOR EACH ROW EXECUTE FUNCTION audit_chain();

-- The first row at which the chain does not hold; NULL where it does.
CREATE FUNCTION audit_broken_at() RETURNS bigint LANGUAGE sql STABLE AS $$
SELECT min(id) FROM (
    SELECT
        audit_log.id,
        audit_log.sha256 = audit_hash(audit_log)
        AND audit_log.id = row_number() OVER (ORDER BY audit_log.id)
        AND audit_log.prev_hash = coalesce(
            lag(audit_log.sha256) OVER (ORDER BY audit_log.id), decode(repeat('00', 32), 'hex')
        ) AS holds
    FROM audit_log
) AS checked WHERE NOT holds
$$;

-- The application owns nothing; what may change, it may change by column.
GRANT SELECT, INSERT ON
    service_point, point_channel, installation, installation_register, account, seller, tariff,
    tariff_version, agreement, day_block, vee_finding, bill_run, bill_shard, bill, bill_part,
    bill_line, bill_series, audit_log
TO meterline_app;
GRANT UPDATE ON
    service_point, point_channel, installation, installation_register, account, seller, agreement,
    bill_series, bill_run, bill_shard, vee_finding
TO meterline_app;
GRANT UPDATE (
    state, holds, first_day, end_day, currency, total, kwh, validated_kwh, sha256, document, creator, made_at,
    approver, approved_at, series, legal_number, issued_at
) ON bill TO meterline_app;
-- Taking from the queue locks its rows first, which needs the right to change one column.
GRANT UPDATE (until_at) ON touched TO meterline_app;
GRANT USAGE ON SEQUENCE bill_id_seq TO meterline_app;
GRANT DELETE ON bill_line, bill_part, bill_shard TO meterline_app;
