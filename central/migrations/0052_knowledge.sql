-- What was known at a time. A row that changes or goes is kept beside, with the time from which it was
-- known and the time at which it was so no more; both are the writer's own, which he takes before his
-- transaction. The views of the schema `as_of` show every table as it stood, under its own name and
-- with its own columns, so that one statement answers for the present and for any time. What nobody can
-- say of a time is left out of them, and asking for it is an error.

-- When the open transaction's writer began, by his own clock. The application always says it; an owner
-- who repairs something by hand may not, and then no time is kept of what was before.
CREATE FUNCTION recorded_at() RETURNS timestamptz LANGUAGE sql STABLE AS $$
SELECT coalesce(
    nullif(current_setting('meterline.recorded_at', true), '')::timestamptz,
    CASE WHEN current_setting('role') <> 'meterline_app' THEN '-infinity'::timestamptz END
)
$$;

-- The time of knowledge that the open transaction asks for.
CREATE FUNCTION as_of() RETURNS timestamptz LANGUAGE sql STABLE AS $$
SELECT current_setting('meterline.as_of')::timestamptz
$$;

-- A reading is known since its batch was stored; others have their time here: decided afterwards, or
-- of a batch that was read again.
CREATE TABLE reading_recorded (
    channel_id bigint NOT NULL,
    at timestamptz NOT NULL,
    revision integer NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (channel_id, at, revision)
);

ALTER TABLE vee_finding ADD COLUMN accepted_at timestamptz;

-- What was recorded last before the past was kept: nobody can say more of an earlier time.
CREATE TABLE knowledge_begin (
    one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    kept_since timestamptz NOT NULL
);
INSERT INTO knowledge_begin (kept_since)
SELECT coalesce(greatest(
    (SELECT max(at) FROM audit_log),
    (SELECT max(recorded_at) FROM registry_revision),
    (SELECT max(made_at) FROM bill),
    (SELECT max(issued_at) FROM bill),
    (SELECT max(stored_at) FROM batch)
), '-infinity');

DO $$ BEGIN
    -- Where the owner may not make them, an administrator has made them for him.
    IF to_regnamespace('past') IS NULL THEN CREATE SCHEMA past; END IF;
    IF to_regnamespace('as_of') IS NULL THEN CREATE SCHEMA as_of; END IF;
END $$;

-- How each table answers as of a time.
CREATE TABLE knowledge_rule (
    relation text PRIMARY KEY,
    -- `kept`: rows change or go, and are kept in the schema `past`; `recorded`: they only come;
    -- `view`: it asks others.
    kind text NOT NULL CHECK (kind IN ('kept', 'recorded', 'view')),
    -- Of what is kept: since when a row is known, where that is in no column of its own.
    since text CHECK (kind = 'kept' OR since IS NULL),
    -- Of what is kept: the columns that change with knowledge; others are left out below.
    watched text [] NOT NULL DEFAULT '{}',
    -- Of what is kept: a change whose time the row itself says.
    unless text CHECK (kind = 'kept' OR unless IS NULL),
    -- Of what is recorded: which rows were known.
    known text CHECK ((kind = 'recorded') = (known IS NOT NULL)),
    -- Columns that were something else then, and what.
    masked jsonb NOT NULL DEFAULT '{}',
    -- Columns of which nobody can say what they were.
    left_out text [] NOT NULL DEFAULT '{}'
);

INSERT INTO knowledge_rule (relation, kind, watched, left_out) VALUES
('service_point', 'kept', '{name,zone,address,capacity}', '{input_revision}'),
('point_channel', 'kept', '{day_start}', '{closed_through}'),
('installation', 'kept', '{during,withdrawn,multiplier_numerator,multiplier_denominator}', '{}'),
('installation_register', 'kept', '{modulus,opening,closing}', '{}'),
('account', 'kept', '{number,name,address,tax_id,contact}', '{input_revision,erased_at}'),
('seller', 'kept', '{name,address,tax_id,contact}', '{}'),
('tariff', 'kept', '{}', '{input_revision}'),
('agreement', 'kept', '{during,facts,billing_from,occupancy_id,withdrawn}', '{}'),
('service', 'kept', '{channels,day_start}', '{}'),
('occupancy', 'kept', '{billing_from,ended_on}', '{}'),
('billing_cycle', 'kept', '{name,months,first_day,bill_after,by_hand}', '{changed_at}'),
('cycle_period', 'kept', '{}', '{}'),
('account_cycle', 'kept', '{cycle_id,built_in}', '{}'),
('named_group', 'kept', '{name}', '{changed_at}'),
('group_member', 'kept', '{end_day}', '{}'),
('billed_period', 'kept', '{}', '{}'),
('account_state', 'kept', '{}', '{}'),
('ledger_use', 'kept', '{}', '{}'),
('bank_movement', 'kept', '{}', '{}'),
('bill_run', 'kept', '{finished_at}', '{}'),
(
    'bill_part', 'kept',
    '{point_revision,account_revision,tariff_revision,settings_revision,series_revisions,days_read,'
    'other_tariff_revisions,holiday_revisions,not_metered,looks_back_days}', '{}'
),
('correction', 'kept', '{state,approved_by,approved_at}', '{}'),
('credited_part', 'kept', '{}', '{}');

-- An approval and an issue say their own time; the lines of a bill are made with it.
INSERT INTO knowledge_rule (relation, kind, watched, unless, masked, left_out) VALUES (
    'bill', 'kept',
    '{state,holds,first_day,end_day,currency,total,kwh,validated_kwh,sha256,document,made_at,'
    'contributors,revision,replaces}',
    'OLD.contributors = NEW.contributors AND OLD.sha256 IS NOT DISTINCT FROM NEW.sha256 AND (OLD.state, NEW.state) IN '
    '((''draft'', ''approved''), (''approved'', ''issued''))',
    '{
        "state": "CASE WHEN issued_at > as_of() AND approved_at <= as_of() THEN ''approved'' WHEN approved_at > as_of() THEN ''draft'' ELSE state END",
        "approver": "CASE WHEN approved_at <= as_of() THEN approver END",
        "approved_at": "CASE WHEN approved_at <= as_of() THEN approved_at END",
        "series": "CASE WHEN issued_at <= as_of() THEN series END",
        "legal_number": "CASE WHEN issued_at <= as_of() THEN legal_number END",
        "number": "CASE WHEN issued_at <= as_of() THEN number END",
        "issued_on": "CASE WHEN issued_at <= as_of() THEN issued_on END",
        "due_on": "CASE WHEN issued_at <= as_of() THEN due_on END",
        "issue": "CASE WHEN issued_at <= as_of() THEN issue END",
        "content_sha256": "CASE WHEN issued_at <= as_of() THEN content_sha256 END",
        "issued_at": "CASE WHEN issued_at <= as_of() THEN issued_at END"
    }',
    '{release}'
);
-- Of a document that waits only why it could not be rendered is asked.
INSERT INTO knowledge_rule (relation, kind, watched, unless, left_out) VALUES
(
    'document_job', 'kept', '{attempts,code,message,failed_at}',
    'OLD.code IS NULL AND NEW.code IS NULL', '{due_at}'
);
INSERT INTO knowledge_rule (relation, kind, since) VALUES
('bill_line', 'kept', '(SELECT made_at FROM bill WHERE bill.id = bill_id)');

INSERT INTO knowledge_rule (relation, kind, known, masked, left_out) VALUES
('tariff_version', 'recorded', 'added_at <= as_of()', '{}', '{}'),
('day_block', 'recorded', 'made_at <= as_of()', '{}', '{}'),
('block_heading', 'recorded', 'true', '{}', '{}'),
('series_day', 'recorded', 'made_at <= as_of()', '{}', '{}'),
('series', 'recorded', 'EXISTS (SELECT FROM series_day WHERE series_id = id AND made_at <= as_of())', '{}', '{changed_at,input_revision}'),
('holiday_calendar', 'recorded', 'recorded_at <= as_of()', '{}', '{}'),
('billing_settings', 'recorded', 'recorded_at <= as_of()', '{}', '{}'),
('ledger_entry', 'recorded', 'recorded_at <= as_of()', '{}', '{}'),
('registry_revision', 'recorded', 'coalesce(recorded_at, ''-infinity'') <= as_of()', '{}', '{}'),
('claim_conflict', 'recorded', 'true', '{}', '{}'),
('claim_decision', 'recorded', 'decided_at <= as_of()', '{}', '{}'),
('settled_version', 'recorded', 'EXISTS (SELECT FROM correction WHERE id = correction_id AND approved_at <= as_of())', '{}', '{}'),
('settled_stamp', 'recorded', 'noted_at <= as_of()', '{}', '{}'),
('bill_document', 'recorded', 'rendered_at <= as_of()', '{}', '{}'),
('bill_run_starter', 'recorded', 'first_at <= as_of()', '{}', '{}'),
('gateway', 'recorded', 'enrolled_at <= as_of()', '{"revoked_at": "CASE WHEN revoked_at <= as_of() THEN revoked_at END"}', '{current_epoch,hello_at,agent,status,status_at,backlog}'),
('meter', 'recorded', 'first_seen_at <= as_of()', '{}', '{gateway_id}'),
('channel', 'recorded', 'first_seen_at <= as_of()', '{}', '{}'),
('batch', 'recorded', 'stored_at <= as_of()', '{}', '{sha256,prev_hash,made_at,replaces,outcome,code,received,stored,duplicate,conflict,quarantined}'),
('reading', 'recorded', 'coalesce((SELECT recorded_at FROM reading_recorded AS other WHERE (other.channel_id, other.at, other.revision) = (reading.channel_id, reading.at, reading.revision)), (SELECT stored_at FROM batch WHERE batch.id = batch_id), ''-infinity'') <= as_of()', '{}', '{}'),
('conflict', 'recorded', 'found_at <= as_of()', '{"decided_at": "CASE WHEN decided_at <= as_of() THEN decided_at END", "decided_by": "CASE WHEN decided_at <= as_of() THEN decided_by END", "decision": "CASE WHEN decided_at <= as_of() THEN decision END"}', '{}'),
('finding', 'recorded', 'raised_at <= as_of()', '{"closed_at": "CASE WHEN closed_at <= as_of() THEN closed_at END", "closed_by": "CASE WHEN closed_at <= as_of() THEN closed_by END"}', '{}'),
('vee_finding', 'recorded', 'raised_at <= as_of()', '{"closed_at": "CASE WHEN closed_at <= as_of() THEN closed_at END", "accepted_at": "CASE WHEN accepted_at <= as_of() THEN accepted_at END", "accepted_by": "CASE WHEN accepted_at IS NULL OR accepted_at <= as_of() THEN accepted_by END", "accepted_reason": "CASE WHEN accepted_at IS NULL OR accepted_at <= as_of() THEN accepted_reason END"}', '{}');

INSERT INTO knowledge_rule (relation, kind) VALUES
('tariff_in_force', 'view'), ('cancelled_part', 'view'), ('live_bill', 'view'), ('live_part', 'view'), ('settled_part', 'view'),
('settled_state', 'view'), ('settled_movement', 'view'), ('stamped_part', 'view');

-- The columns of a table, in order, without some.
CREATE FUNCTION columns_of(relation regclass, without text []) RETURNS text
LANGUAGE sql STABLE AS $$
SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND attname <> ALL(without)
$$;

-- Keep what a row said. It was so until now, or for no time where another began later and ended first.
CREATE FUNCTION keep_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    until timestamptz := recorded_at();
BEGIN
    IF until IS NULL THEN
        RAISE EXCEPTION '% changes, and nobody says when', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', HINT = 'Set meterline.recorded_at first.';
    END IF;
    IF OLD.known_from < until THEN
        EXECUTE format(
            'INSERT INTO past.%1$I SELECT (jsonb_populate_record(NULL::past.%1$I, $1)).*', TG_TABLE_NAME
        ) USING to_jsonb(OLD) || jsonb_build_object('known_until', until);
        NEW.known_from := until;
    END IF;
    RETURN NEW;
END
$$;

-- Keep rows that go; the argument says since when they were known.
CREATE FUNCTION keep_removed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    until timestamptz := recorded_at();
    names text := columns_of(TG_RELID, '{known_from}');
BEGIN
    IF until IS NULL AND EXISTS (SELECT FROM removed) THEN
        RAISE EXCEPTION '% changes, and nobody says when', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', HINT = 'Set meterline.recorded_at first.';
    END IF;
    EXECUTE format(
        'INSERT INTO past.%1$I (%2$s, known_from, known_until)'
        ' SELECT %2$s, %3$s, $1 FROM removed WHERE %3$s < $1', TG_TABLE_NAME, names, TG_ARGV[0]
    ) USING until;
    RETURN NULL;
END
$$;

-- Before a migration: what it changes, no view stands in the way of.
CREATE FUNCTION drop_as_of() RETURNS integer
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    shown name;
    gone integer := 0;
BEGIN
    FOR shown IN
        SELECT relname FROM pg_class WHERE relnamespace = 'as_of'::regnamespace AND relkind = 'v'
    LOOP
        EXECUTE format('DROP VIEW IF EXISTS as_of.%I CASCADE', shown);
        gone := gone + 1;
    END LOOP;
    RETURN gone;
END
$$;
REVOKE ALL ON FUNCTION drop_as_of FROM PUBLIC;

-- Give a table whose rows are kept its time, the table beside it and its triggers.
CREATE FUNCTION keep_past(rule knowledge_rule) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    kept regclass := rule.relation::regclass;
    past_name text := format('past.%I', rule.relation);
    since text := coalesce(rule.since, 'known_from');
    keys text;
    missing record;
BEGIN
    IF rule.since IS NULL AND NOT EXISTS (
        SELECT FROM pg_attribute WHERE attrelid = kept AND attname = 'known_from'
    ) THEN
        -- What is there was always known, as far as anybody can say.
        EXECUTE format(
            'ALTER TABLE %s ADD COLUMN known_from timestamptz NOT NULL DEFAULT ''-infinity''', kept
        );
        EXECUTE format('ALTER TABLE %s ALTER known_from SET DEFAULT recorded_at()', kept);
    END IF;
    IF to_regclass(past_name) IS NULL THEN
        EXECUTE format(
            'CREATE TABLE %s (known_from timestamptz NOT NULL, known_until timestamptz NOT NULL,'
            ' CHECK (known_from < known_until))', past_name
        );
        EXECUTE format(
            'CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %s'
            ' FOR EACH ROW EXECUTE FUNCTION refuse_change()', rule.relation || '_past_kept', past_name
        );
        EXECUTE format(
            'CREATE TRIGGER kept_from_truncate BEFORE TRUNCATE ON %s'
            ' FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()', past_name
        );
        EXECUTE format(
            'CREATE TRIGGER zz_keep_removed AFTER DELETE ON %s REFERENCING OLD TABLE AS removed'
            ' FOR EACH STATEMENT EXECUTE FUNCTION keep_removed(%L)', kept, since
        );
        IF rule.watched <> '{}' THEN
            EXECUTE format(
                'CREATE TRIGGER zz_keep_changed BEFORE UPDATE OF %s ON %s FOR EACH ROW'
                ' WHEN ((%s) IS DISTINCT FROM (%s) AND NOT coalesce(%s, false))'
                ' EXECUTE FUNCTION keep_changed()',
                array_to_string(rule.watched, ', '), kept,
                'OLD.' || array_to_string(rule.watched, ', OLD.'),
                'NEW.' || array_to_string(rule.watched, ', NEW.'),
                coalesce(rule.unless, 'false')
            );
        END IF;
    END IF;
    FOR missing IN
        SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute
        WHERE attrelid = kept AND attnum > 0 AND NOT attisdropped AND attname NOT IN (
            SELECT attname FROM pg_attribute WHERE attrelid = past_name::regclass
        )
        ORDER BY attnum
    LOOP
        EXECUTE format('ALTER TABLE %s ADD COLUMN %I %s', past_name, missing.attname, missing.type);
    END LOOP;
    IF NOT EXISTS (SELECT FROM pg_index WHERE indrelid = past_name::regclass) THEN
        SELECT string_agg(quote_ident(attname), ', ' ORDER BY array_position(indkey::int2 [], attnum))
        INTO keys
        FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY(indkey)
        WHERE indrelid = kept AND indisprimary;
        EXECUTE format('CREATE INDEX ON %s (%s)', past_name, keys);
    END IF;
END
$$;
REVOKE ALL ON FUNCTION keep_past FROM PUBLIC;

-- After a migration: show every table as of a time.
CREATE FUNCTION make_as_of() RETURNS integer
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    rule knowledge_rule;
    names text;
    shown text;
    source text;
    said text;
    made integer := 0;
    here text := current_setting('search_path');
BEGIN
    PERFORM drop_as_of();
    FOR rule IN SELECT * FROM knowledge_rule ORDER BY kind, relation LOOP
        IF rule.kind = 'view' THEN
            -- The same question to the tables as they stood.
            said := pg_get_viewdef(rule.relation::regclass);
            PERFORM set_config('search_path', 'as_of', true);
            EXECUTE format('CREATE VIEW as_of.%I AS %s', rule.relation, said);
            PERFORM set_config('search_path', here, true);
        ELSE
            names := columns_of(rule.relation::regclass, rule.left_out || '{known_from}');
            SELECT string_agg(
                coalesce((rule.masked ->> attname::text) || ' AS ', '') || quote_ident(attname),
                ', ' ORDER BY attnum
            ) INTO shown
            FROM pg_attribute
            WHERE attrelid = rule.relation::regclass AND attnum > 0 AND NOT attisdropped
                AND attname <> ALL(rule.left_out || '{known_from}');
            IF rule.kind = 'recorded' THEN
                source := format('SELECT %s FROM %I WHERE %s', names, rule.relation, rule.known);
            ELSE
                PERFORM keep_past(rule);
                source := format(
                    'SELECT %1$s FROM %2$I WHERE %3$s <= as_of() UNION ALL SELECT %1$s FROM past.%2$I'
                    ' WHERE known_from <= as_of() AND known_until > as_of()',
                    names, rule.relation, coalesce(rule.since, 'known_from')
                );
            END IF;
            EXECUTE format(
                'CREATE VIEW as_of.%1$I AS SELECT %2$s FROM (%3$s) AS %1$I',
                rule.relation, shown, source
            );
        END IF;
        made := made + 1;
    END LOOP;
    -- Sums of bills are not kept by time: they are summed again.
    CREATE VIEW as_of.bill_tally AS
    SELECT
        bill.run_id, bill.currency,
        CASE WHEN bill.state = 'issued' AND live.id IS NULL THEN 'cancelled' ELSE bill.state END AS state,
        count(*) AS bills,
        coalesce(sum(CASE WHEN bill.state = 'issued' THEN live.total ELSE bill.total END), 0) AS total
    FROM as_of.bill LEFT JOIN as_of.live_bill AS live ON live.id = bill.id
    WHERE bill.decision IS NULL OR bill.cancels IS NULL AND bill.state = 'issued'
    GROUP BY 1, 2, 3;
    GRANT SELECT ON ALL TABLES IN SCHEMA as_of TO meterline_app;
    RETURN made;
END
$$;
REVOKE ALL ON FUNCTION make_as_of FROM PUBLIC;

-- As before; what is personal goes from what was known before as well.
CREATE OR REPLACE FUNCTION erase_account(wanted text, at timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    gone integer;
BEGIN
    UPDATE account SET name = 'erased', address = '{}', tax_id = '', contact = '', erased_at = at
    WHERE number = wanted AND erased_at IS NULL;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    UPDATE past.account SET name = 'erased', address = '{}', tax_id = '', contact = ''
    WHERE number = wanted;
    UPDATE registry_revision SET personal = NULL
    WHERE kind = 'account' AND subject = wanted AND personal IS NOT NULL;
    DELETE FROM personal_value USING audit_log
    WHERE personal_value.about = wanted AND audit_log.subject = wanted
        AND audit_log.action LIKE 'account.%'
        AND audit_log.detail -> 'personal' ? personal_value.uid::text;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END
$$;

SELECT make_as_of();
-- Erasing a person is the one change of what was known.
DROP TRIGGER account_past_kept ON past.account;
CREATE TRIGGER account_past_kept BEFORE UPDATE ON past.account
FOR EACH ROW WHEN (NEW.name <> 'erased') EXECUTE FUNCTION refuse_change();
CREATE TRIGGER account_past_stays BEFORE DELETE ON past.account
FOR EACH ROW EXECUTE FUNCTION refuse_change();
