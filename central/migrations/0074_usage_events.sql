-- What happened and is billed by its number: events of cloud services, sessions, trips. An event is
-- known by its source, its sender's identifier and its version; the highest version counts, and may be
-- that it is cancelled. Nothing is ever changed. To whom an event belongs its subject says, which
-- belongs to service points from days on.

-- How events came: one row for each batch that was taken in.
CREATE TABLE usage_receipt (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recorded_at timestamptz NOT NULL,
    actor text NOT NULL CHECK (actor <> ''),
    -- Of what people decided: why. NULL of what senders deliver.
    reason text CHECK (reason <> '')
);

CREATE TABLE usage_source (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name <> '')
);
CREATE TABLE usage_type (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name <> '')
);
CREATE TABLE usage_subject (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name <> '')
);

-- Which events there are, for ever: what is sent again is found here, whatever its time.
CREATE TABLE usage_event_key (
    source_id integer NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    event_id text NOT NULL CHECK (event_id <> ''),
    receipt_id bigint NOT NULL,
    subject_id bigint NOT NULL,
    at timestamptz NOT NULL,
    -- Of all that the event says.
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    PRIMARY KEY (source_id, event_id, version)
);
-- Versions that replace or cancel are few: whoever counts looks only here.
CREATE INDEX usage_event_key_later ON usage_event_key (source_id, event_id, version)
WHERE version > 1;

CREATE TABLE usage_event (
    at timestamptz NOT NULL,
    subject_id bigint NOT NULL,
    receipt_id bigint NOT NULL,
    type_id integer NOT NULL,
    source_id integer NOT NULL,
    version integer NOT NULL,
    cancelled boolean NOT NULL,
    event_id text NOT NULL,
    value numeric NOT NULL,
    -- Names to texts; NULL where there are none.
    attributes jsonb
);
CREATE INDEX usage_event_subject ON usage_event (subject_id, at);

-- To which service point the events of a subject belong from a local day on; to none where it is NULL.
-- Of each day the highest revision counts; one that is withdrawn says nothing.
CREATE TABLE subject_assignment (
    subject_id bigint NOT NULL REFERENCES usage_subject,
    from_day date NOT NULL,
    revision integer NOT NULL CHECK (revision > 0),
    service_point_id bigint REFERENCES service_point,
    -- When the day begins at the service point.
    from_at timestamptz NOT NULL,
    withdrawn boolean NOT NULL DEFAULT false,
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    -- Why, where a day is corrected or taken back.
    reason text CHECK (reason <> ''),
    PRIMARY KEY (subject_id, from_day, revision)
);
CREATE INDEX subject_assignment_point ON subject_assignment (service_point_id);

CREATE VIEW subject_span AS
SELECT
    subject_id, service_point_id, from_day, from_at,
    coalesce(lead(from_at) OVER (PARTITION BY subject_id ORDER BY from_day), 'infinity') AS until_at
FROM (
    SELECT DISTINCT ON (subject_id, from_day)
        subject_id, service_point_id, from_day, from_at, withdrawn
    FROM subject_assignment
    ORDER BY subject_id, from_day, revision DESC
) AS newest
WHERE NOT withdrawn;

-- How the events of a type are counted, from a local day on, under the name by which tariffs ask. It is
-- a series to all who stamp, lock and compare inputs: it shares their names and revisions.
CREATE TABLE usage_meter (
    series_id bigint NOT NULL REFERENCES series,
    since date NOT NULL,
    revision integer NOT NULL CHECK (revision > 0),
    document jsonb NOT NULL,
    withdrawn boolean NOT NULL DEFAULT false,
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    -- Why, where a date is corrected or taken back.
    reason text CHECK (reason <> ''),
    PRIMARY KEY (series_id, since, revision)
);

INSERT INTO knowledge_rule (relation, kind, known) VALUES
('usage_receipt', 'recorded', 'recorded_at <= as_of()'),
('usage_source', 'recorded', 'true'),
('usage_type', 'recorded', 'true'),
('usage_subject', 'recorded', 'true'),
(
    'usage_event_key', 'recorded',
    'EXISTS (SELECT FROM usage_receipt WHERE usage_receipt.id = receipt_id AND recorded_at <= as_of())'
),
(
    'usage_event', 'recorded',
    'EXISTS (SELECT FROM usage_receipt WHERE usage_receipt.id = receipt_id AND recorded_at <= as_of())'
),
('subject_assignment', 'recorded', 'recorded_at <= as_of()'),
('usage_meter', 'recorded', 'recorded_at <= as_of()');
INSERT INTO knowledge_rule (relation, kind) VALUES ('subject_span', 'view');
UPDATE knowledge_rule SET known = '(EXISTS (SELECT FROM series_day WHERE series_id = id AND made_at <= as_of())'
    ' OR EXISTS (SELECT FROM lookup_table WHERE series_id = id AND recorded_at <= as_of())'
    ' OR EXISTS (SELECT FROM usage_meter WHERE series_id = id AND recorded_at <= as_of()))'
WHERE relation = 'series';

-- Who said of days of a bill to whom events belong, how they are counted, or that they are others.
CREATE VIEW contributor_usage_meter AS
SELECT part.bill_id, usage_meter.recorded_by AS actor, 'said how its events are counted' AS what
FROM contributing_part AS part
CROSS JOIN LATERAL jsonb_object_keys(part.series_revisions) AS stamped (name)
JOIN series ON series.name = stamped.name
JOIN usage_meter ON usage_meter.series_id = series.id AND usage_meter.since < part.end_day
    AND usage_meter.recorded_at >= part.begins_at;
CREATE VIEW contributor_subject AS
SELECT part.bill_id, assigned.recorded_by AS actor, 'said whose events it counts' AS what
FROM contributing_part AS part
JOIN subject_assignment AS mine ON mine.service_point_id = part.service_point_id
JOIN subject_assignment AS assigned ON assigned.subject_id = mine.subject_id
    AND assigned.from_day < part.end_day AND assigned.recorded_at >= part.begins_at;
CREATE VIEW contributor_usage_event AS
SELECT part.bill_id, usage_receipt.actor, 'decided about its events' AS what
FROM contributing_part AS part
JOIN subject_assignment AS mine ON mine.service_point_id = part.service_point_id
JOIN usage_event_key AS decided ON decided.subject_id = mine.subject_id AND decided.version > 1
    AND decided.at >= (part.first_day - 1)::timestamp AT TIME ZONE 'UTC'
    AND decided.at < (part.end_day + 1)::timestamp AT TIME ZONE 'UTC'
JOIN usage_receipt ON usage_receipt.id = decided.receipt_id AND usage_receipt.reason IS NOT NULL;
CREATE INDEX usage_event_key_decided ON usage_event_key (subject_id, at) WHERE version > 1;
SELECT unite_contributors();
