-- Alerts on what is used and what it costs so far: rules in versions, and what was raised, once for a
-- rule, subject and period.
CREATE TABLE alert_rule (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    version integer NOT NULL CHECK (version > 0),
    document jsonb NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    recorded_at timestamptz NOT NULL,
    UNIQUE (name, version)
);
CREATE TABLE alert_look (
    rule text PRIMARY KEY,
    looked_at timestamptz NOT NULL
);
CREATE TABLE alert (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule text NOT NULL,
    version integer NOT NULL,
    measure text NOT NULL,
    account_id bigint NOT NULL REFERENCES account,
    subject_kind text NOT NULL,
    subject text NOT NULL,
    period text NOT NULL,
    first_day date NOT NULL,
    threshold numeric NOT NULL,
    value numeric NOT NULL,
    unit text NOT NULL,
    raised_at timestamptz NOT NULL,
    FOREIGN KEY (rule, version) REFERENCES alert_rule (name, version),
    UNIQUE (rule, subject_kind, subject, first_day)
);
CREATE INDEX alert_account ON alert (account_id, id);

CREATE FUNCTION notice_of_alert() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF notice_wanted('alert.raised') THEN
        INSERT INTO notice (kind, at, subject, facts)
        VALUES ('alert.raised', NEW.raised_at, NEW.subject, jsonb_build_object(
            'alert', NEW.id, 'rule', NEW.rule, 'measure', NEW.measure,
            'subject_kind', NEW.subject_kind, 'subject', NEW.subject, 'period', NEW.period,
            'first', NEW.first_day, 'threshold', NEW.threshold::text, 'value', NEW.value::text,
            'unit', NEW.unit
        ));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER alert_raised_notice AFTER INSERT ON alert FOR EACH ROW
EXECUTE FUNCTION notice_of_alert();

INSERT INTO knowledge_rule (relation, kind, known) VALUES
('alert_rule', 'recorded', 'recorded_at <= as_of()'),
('alert', 'recorded', 'raised_at <= as_of()');

INSERT INTO release_beside (version) VALUES (89);
