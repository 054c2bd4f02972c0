-- An owner who errs drops and rewrites nothing: outside of a migration, no table of ours is dropped,
-- nor a column or a trigger of one; no guard is disabled, and no table rewritten. Whoever means it
-- sets meterline.migrating in his session. Event triggers are a superuser's to make; where the owner
-- is none, tables have their guards against changed and removed rows alone.

CREATE FUNCTION refuse_drop() RETURNS event_trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    kept text;
BEGIN
    IF coalesce(current_setting('meterline.migrating', true), '') = 'on' THEN
        RETURN;
    END IF;
    SELECT object_identity INTO kept FROM pg_event_trigger_dropped_objects()
    WHERE object_type IN ('table', 'table column', 'trigger')
        AND address_names[1] = current_schema() AND NOT is_temporary
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% is kept: it is not dropped', kept
            USING ERRCODE = 'restrict_violation',
                HINT = 'Only migrations change tables. What is wrong is corrected by a row.';
    END IF;
END
$$;

CREATE FUNCTION refuse_disabled_guard() RETURNS event_trigger
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
    WHERE command.classid = 'pg_class'::regclass
        AND relnamespace = current_schema()::regnamespace
        AND NOT tgisinternal AND tgenabled IN ('D', 'R')
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% is a guard: it is not disabled', kept
            USING ERRCODE = 'restrict_violation',
                HINT = 'Only migrations change tables. What is wrong is corrected by a row.';
    END IF;
END
$$;

CREATE FUNCTION refuse_rewrite() RETURNS event_trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    kept regclass := pg_event_trigger_table_rewrite_oid();
BEGIN
    IF coalesce(current_setting('meterline.migrating', true), '') <> 'on' AND EXISTS (
        SELECT FROM pg_class
        WHERE oid = kept AND relnamespace = current_schema()::regnamespace
    ) THEN
        RAISE EXCEPTION '% is kept: it is not rewritten', kept
            USING ERRCODE = 'restrict_violation',
                HINT = 'Only migrations change tables. What is wrong is corrected by a row.';
    END IF;
END
$$;

-- What these drop takes the guards along, so that nobody is asked any more once it is gone.
CREATE FUNCTION refuse_drop_of_all() RETURNS event_trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF coalesce(current_setting('meterline.migrating', true), '') <> 'on' THEN
        RAISE EXCEPTION '% may drop what is kept', tg_tag
            USING ERRCODE = 'restrict_violation',
                HINT = 'Whoever means it sets meterline.migrating to on in his session.';
    END IF;
END
$$;

DO $$ BEGIN
    CREATE EVENT TRIGGER meterline_kept_from_drop ON sql_drop EXECUTE FUNCTION refuse_drop();
    CREATE EVENT TRIGGER meterline_kept_guards ON ddl_command_end
    WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION refuse_disabled_guard();
    CREATE EVENT TRIGGER meterline_kept_from_rewrite ON table_rewrite
    EXECUTE FUNCTION refuse_rewrite();
    CREATE EVENT TRIGGER meterline_kept_schema ON ddl_command_start
    WHEN TAG IN ('DROP SCHEMA', 'DROP OWNED') EXECUTE FUNCTION refuse_drop_of_all();
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'the owner is no superuser: dropping tables is not guarded';
END $$;
