GRANT SELECT ON retention_floor TO meterline_app;
GRANT EXECUTE ON FUNCTION raise_floors TO meterline_app;
CREATE TRIGGER retention_floor_append_only BEFORE UPDATE OR DELETE ON retention_floor
FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- A floor never falls, and no hold lets it pass.
CREATE FUNCTION floor_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the floor of service point % only rises, by a row of retention_floor', OLD.name
        USING ERRCODE = 'restrict_violation', HINT = 'Raise it with `retention raise-floor`.';
END
$$;
CREATE TRIGGER service_point_floor BEFORE UPDATE OF retention_floor ON service_point
FOR EACH ROW WHEN (coalesce(NEW.retention_floor, '-infinity') < coalesce(OLD.retention_floor, '-infinity'))
EXECUTE FUNCTION floor_guard();
