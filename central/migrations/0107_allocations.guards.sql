GRANT SELECT, INSERT ON allocated_channel, allocation TO meterline_app;
CREATE TRIGGER allocated_channel_append_only BEFORE UPDATE OR DELETE ON allocated_channel
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER allocated_channel_not_emptied BEFORE TRUNCATE ON allocated_channel
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER allocation_append_only BEFORE UPDATE OR DELETE ON allocation
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER allocation_not_emptied BEFORE TRUNCATE ON allocation
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What has a share shares nothing out, so that nothing can share in itself.
CREATE FUNCTION allocation_has_no_ring() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM allocated_channel WHERE channel_id = NEW.source_id)
        OR EXISTS (SELECT FROM allocated_channel WHERE source_id = NEW.channel_id)
    THEN
        RAISE EXCEPTION 'channel % cannot share in %: one of them has a share or gives one already',
            NEW.channel_id, NEW.source_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER allocated_channel_has_no_ring BEFORE INSERT ON allocated_channel
FOR EACH ROW EXECUTE FUNCTION allocation_has_no_ring();
