-- What happened, told to endpoints that rules name. A notice is a row in the transaction of what it
-- tells, where a rule of its kind is in force; deliveries are made of it, and tried, by workers.
CREATE TABLE notice_endpoint (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    version integer NOT NULL CHECK (version > 0),
    document jsonb NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    recorded_at timestamptz NOT NULL,
    UNIQUE (name, version)
);
CREATE TABLE notice_rule (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    version integer NOT NULL CHECK (version > 0),
    document jsonb NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    recorded_at timestamptz NOT NULL,
    UNIQUE (name, version)
);

-- Secrets that sign. One that was exchanged goes on for a while; then it is of no use and goes.
CREATE TABLE notice_secret (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint text NOT NULL,
    secret text NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz
);
CREATE INDEX notice_secret_endpoint ON notice_secret (endpoint, since);

CREATE TABLE notice (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    kind text NOT NULL,
    at timestamptz NOT NULL,
    subject text NOT NULL,
    facts jsonb NOT NULL,
    -- When its deliveries were made.
    sorted_at timestamptz
);
CREATE INDEX notice_unsorted ON notice (id) WHERE sorted_at IS NULL;

CREATE TABLE notice_delivery (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    notice_id bigint NOT NULL REFERENCES notice,
    endpoint text NOT NULL,
    -- Name and version; empty where a person asked for it.
    rule text NOT NULL,
    -- 0 by a rule; then one more each time that somebody asks for it again.
    copy integer NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed')),
    attempts integer NOT NULL,
    created_at timestamptz NOT NULL,
    -- When it is tried next.
    due_at timestamptz CHECK ((state = 'waiting') = (due_at IS NOT NULL)),
    -- Until when a worker has it.
    leased_until timestamptz,
    ended_at timestamptz CHECK ((state = 'waiting') = (ended_at IS NULL)),
    UNIQUE (notice_id, endpoint, copy)
);
CREATE INDEX notice_delivery_due ON notice_delivery (due_at, id) WHERE state = 'waiting';

CREATE TABLE notice_attempt (
    delivery_id bigint NOT NULL REFERENCES notice_delivery,
    number integer NOT NULL,
    at timestamptz NOT NULL,
    ms integer NOT NULL,
    outcome text NOT NULL,
    status integer,
    detail text NOT NULL,
    PRIMARY KEY (delivery_id, number)
);

-- Whether a rule in force names a kind.
CREATE FUNCTION notice_wanted(wanted text) RETURNS boolean
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
SELECT EXISTS (
    SELECT FROM (
        SELECT DISTINCT ON (name) document FROM notice_rule ORDER BY name, version DESC
    ) AS newest
    WHERE newest.document ->> 'kind' = wanted AND NOT (newest.document -> 'off')::boolean
)
$$;

CREATE FUNCTION notice_of_bill() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF notice_wanted('bill.issued') THEN
        INSERT INTO notice (kind, at, subject, facts)
        SELECT 'bill.issued', NEW.issued_at, NEW.number, jsonb_build_object(
            'bill', NEW.uid, 'number', NEW.number, 'account', account.number, 'cycle', NEW.cycle,
            'run_type', NEW.run_type, 'currency', NEW.currency, 'total', NEW.total::text,
            'issued_on', NEW.issued_on, 'due_on', NEW.due_on, 'credit_note', NEW.cancels IS NOT NULL
        )
        FROM account WHERE account.id = NEW.account_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER bill_issued_notice AFTER UPDATE ON bill FOR EACH ROW
WHEN (NEW.state = 'issued' AND OLD.state <> 'issued') EXECUTE FUNCTION notice_of_bill();

CREATE FUNCTION notice_of_run() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF notice_wanted('run.finished') THEN
        INSERT INTO notice (kind, at, subject, facts)
        VALUES ('run.finished', NEW.finished_at, NEW.cycle, jsonb_build_object(
            'run', NEW.uid, 'cycle', NEW.cycle, 'run_type', NEW.run_type, 'creator', NEW.creator
        ));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER bill_run_finished_notice AFTER UPDATE ON bill_run FOR EACH ROW
WHEN (NEW.finished_at IS NOT NULL AND OLD.finished_at IS NULL)
EXECUTE FUNCTION notice_of_run();

-- Of the queue: what opens there, as its view says it. Arguments: kind, and the column of its number.
CREATE FUNCTION notice_of_exception() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    letters constant jsonb := '{"bill": "b", "candidate": "d", "conflict": "c", "finding": "v",
        "meter": "m", "quarantine": "q", "report": "i"}';
BEGIN
    IF notice_wanted('exception.opened') THEN
        INSERT INTO notice (kind, at, subject, facts)
        SELECT 'exception.opened', exception.raised_at, exception.subject, jsonb_build_object(
            'exception', (letters ->> exception.kind) || exception.number, 'kind', exception.kind,
            'severity', exception.severity, 'subject', exception.subject, 'code', exception.code,
            'message', exception.message
        )
        FROM exception
        WHERE exception.kind = TG_ARGV[0]
            AND exception.number = (to_jsonb(NEW) ->> TG_ARGV[1])::bigint;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER finding_of_day_opened_notice AFTER INSERT ON vee_finding FOR EACH ROW
WHEN (NEW.severity <> 'info') EXECUTE FUNCTION notice_of_exception('finding', 'id');
CREATE TRIGGER finding_opened_notice AFTER INSERT ON finding FOR EACH ROW
EXECUTE FUNCTION notice_of_exception('report', 'id');
CREATE TRIGGER bill_held_notice AFTER INSERT ON bill FOR EACH ROW
WHEN (NEW.state = 'held') EXECUTE FUNCTION notice_of_exception('bill', 'id');
CREATE TRIGGER bill_held_again_notice AFTER UPDATE ON bill FOR EACH ROW
WHEN (NEW.state = 'held' AND OLD.state <> 'held')
EXECUTE FUNCTION notice_of_exception('bill', 'id');
CREATE TRIGGER conflict_opened_notice AFTER INSERT ON conflict FOR EACH ROW
EXECUTE FUNCTION notice_of_exception('conflict', 'id');
CREATE TRIGGER quarantine_opened_notice AFTER INSERT ON quarantine FOR EACH ROW
EXECUTE FUNCTION notice_of_exception('quarantine', 'batch_id');
CREATE TRIGGER candidate_opened_notice AFTER INSERT ON correction_candidate FOR EACH ROW
EXECUTE FUNCTION notice_of_exception('candidate', 'id');
CREATE TRIGGER meter_opened_notice AFTER INSERT ON meter_seen FOR EACH ROW
WHEN (NOT NEW.installed) EXECUTE FUNCTION notice_of_exception('meter', 'meter_id');

INSERT INTO knowledge_rule (relation, kind, known) VALUES
('notice_endpoint', 'recorded', 'recorded_at <= as_of()'),
('notice_rule', 'recorded', 'recorded_at <= as_of()'),
('notice_attempt', 'recorded', 'at <= as_of()');

INSERT INTO release_beside (version) VALUES (88);
