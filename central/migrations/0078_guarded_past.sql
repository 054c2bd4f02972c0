-- What was known is as much kept as what is: an owner who errs drops no table of `past` either, disables
-- no guard of one and rewrites none, and drops no view of `as_of`, which would leave nobody able to ask.
CREATE OR REPLACE FUNCTION refuse_drop() RETURNS event_trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    kept text;
BEGIN
    IF coalesce(current_setting('meterline.migrating', true), '') = 'on' THEN
        RETURN;
    END IF;
    SELECT object_identity INTO kept FROM pg_event_trigger_dropped_objects()
    WHERE NOT is_temporary AND (
        object_type IN ('table', 'table column', 'trigger')
        AND address_names[1] IN (current_schema(), 'past')
        OR object_type = 'view' AND address_names[1] = 'as_of'
    )
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% is kept: it is not dropped', kept
            USING ERRCODE = 'restrict_violation',
                HINT = 'Only migrations change tables. What is wrong is corrected by a row.';
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION refuse_disabled_guard() RETURNS event_trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    kept text;
BEGIN
    IF coalesce(current_setting('meterline.migrating', true), '') = 'on' THEN
        RETURN;
    END IF;
    SELECT format('%s on %s', tgname, tgrelid::regclass) INTO kept
    FROM pg_event_trigger_ddl_commands() AS command
    JOIN pg_trigger ON pg_trigger.tgrelid = command.objid
    JOIN pg_class ON pg_class.oid = tgrelid
    JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE command.classid = 'pg_class'::regclass
        AND nspname IN (current_schema(), 'past')
        AND NOT tgisinternal AND tgenabled IN ('D', 'R')
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% is a guard: it is not disabled', kept
            USING ERRCODE = 'restrict_violation',
                HINT = 'Only migrations change tables. What is wrong is corrected by a row.';
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION refuse_rewrite() RETURNS event_trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    kept regclass := pg_event_trigger_table_rewrite_oid();
BEGIN
    IF coalesce(current_setting('meterline.migrating', true), '') <> 'on' AND EXISTS (
        SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
        WHERE pg_class.oid = kept AND nspname IN (current_schema(), 'past')
    ) THEN
        RAISE EXCEPTION '% is kept: it is not rewritten', kept
            USING ERRCODE = 'restrict_violation',
                HINT = 'Only migrations change tables. What is wrong is corrected by a row.';
    END IF;
END
$$;

-- A column that a rule watches since a later migration is watched where there is a past already, too.
ALTER FUNCTION keep_past(knowledge_rule) RENAME TO keep_past_beside;
CREATE FUNCTION keep_past(rule knowledge_rule) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    kept regclass := rule.relation::regclass;
BEGIN
    PERFORM keep_past_beside(rule);
    IF rule.watched = '{}' OR ARRAY(
        SELECT attname::text FROM pg_trigger
        JOIN pg_attribute ON attrelid = tgrelid AND attnum = ANY(tgattr)
        WHERE tgrelid = kept AND tgname = 'zz_keep_changed'
        ORDER BY 1
    ) = ARRAY(SELECT unnest(rule.watched) ORDER BY 1) THEN
        RETURN;
    END IF;
    EXECUTE format('DROP TRIGGER IF EXISTS zz_keep_changed ON %s', kept);
    EXECUTE format(
        'CREATE TRIGGER zz_keep_changed BEFORE UPDATE OF %s ON %s FOR EACH ROW'
        ' WHEN ((%s) IS DISTINCT FROM (%s) AND NOT coalesce(%s, false))'
        ' EXECUTE FUNCTION keep_changed()',
        array_to_string(rule.watched, ', '), kept,
        'OLD.' || array_to_string(rule.watched, ', OLD.'),
        'NEW.' || array_to_string(rule.watched, ', NEW.'),
        coalesce(rule.unless, 'false')
    );
END
$$;
REVOKE ALL ON FUNCTION keep_past FROM PUBLIC;

-- Why a run left days out is answered as of a time, too.
ALTER TABLE run_note ADD PRIMARY KEY (id);
INSERT INTO knowledge_rule (relation, kind) VALUES ('run_note', 'kept');

-- A reading of then says whether it was imported.
INSERT INTO knowledge_rule (relation, kind, known) VALUES
('reading_import', 'recorded', 'imported_at <= as_of()');
