-- Notices of alerts say of which account they are, and whether its customer set the threshold.
CREATE OR REPLACE FUNCTION notice_of_alert() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF notice_wanted('alert.raised') THEN
        INSERT INTO notice (kind, at, subject, facts)
        VALUES ('alert.raised', NEW.raised_at, NEW.subject, jsonb_build_object(
            'alert', NEW.id, 'rule', NEW.rule, 'measure', NEW.measure,
            'subject_kind', NEW.subject_kind, 'subject', NEW.subject, 'period', NEW.period,
            'first', NEW.first_day, 'threshold', NEW.threshold::text, 'value', NEW.value::text,
            'unit', NEW.unit,
            'account', (SELECT number FROM account WHERE account.id = NEW.account_id),
            'set_by', CASE WHEN starts_with(NEW.rule, 'own-') THEN 'customer' ELSE 'utility' END
        ));
    END IF;
    RETURN NULL;
END $$;

INSERT INTO release_beside (version) VALUES (106);
