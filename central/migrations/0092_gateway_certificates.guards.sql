GRANT SELECT, INSERT ON gateway_invitation, gateway_certificate TO meterline_app;
GRANT UPDATE (withdrawn_at, claimed_at, claimed_key) ON gateway_invitation TO meterline_app;
GRANT UPDATE (revoked_at) ON gateway_certificate TO meterline_app;

-- What was decided stays: a code is claimed or withdrawn once, a certificate revoked once.
CREATE FUNCTION once_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is decided once: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER gateway_invitation_once BEFORE UPDATE ON gateway_invitation FOR EACH ROW
WHEN (OLD.claimed_at IS NOT NULL OR OLD.withdrawn_at IS NOT NULL) EXECUTE FUNCTION once_only();
CREATE TRIGGER gateway_certificate_once BEFORE UPDATE ON gateway_certificate FOR EACH ROW
WHEN (OLD.revoked_at IS NOT NULL) EXECUTE FUNCTION once_only();
CREATE TRIGGER gateway_invitation_kept BEFORE DELETE ON gateway_invitation
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER gateway_certificate_kept BEFORE DELETE ON gateway_certificate
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER gateway_invitation_not_emptied BEFORE TRUNCATE ON gateway_invitation
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER gateway_certificate_not_emptied BEFORE TRUNCATE ON gateway_certificate
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
