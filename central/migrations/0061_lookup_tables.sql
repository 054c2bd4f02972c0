-- Lookup tables that tariffs name and that are kept outside of them: numbers by keys, from dates on. A
-- table is a series to all who stamp, lock and compare inputs: it shares their names and revisions.
CREATE TABLE lookup_table (
    series_id bigint NOT NULL REFERENCES series,
    since date NOT NULL,
    revision integer NOT NULL CHECK (revision > 0),
    -- What its keys are, a word for each level.
    keyed_by text [] NOT NULL,
    unit text NOT NULL,
    -- [[[key, ...], number as text]], in the order of the file.
    entries jsonb NOT NULL,
    withdrawn boolean NOT NULL DEFAULT false,
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL,
    -- Why, where a date is corrected or taken back.
    reason text,
    PRIMARY KEY (series_id, since, revision)
);

INSERT INTO knowledge_rule (relation, kind, known) VALUES
('lookup_table', 'recorded', 'recorded_at <= as_of()');
UPDATE knowledge_rule SET known = '(EXISTS (SELECT FROM series_day WHERE series_id = id AND made_at <= as_of())'
    ' OR EXISTS (SELECT FROM lookup_table WHERE series_id = id AND recorded_at <= as_of()))'
WHERE relation = 'series';

CREATE VIEW contributor_table AS
SELECT part.bill_id, lookup_table.recorded_by AS actor, 'entered a table of its tariff' AS what
FROM contributing_part AS part
CROSS JOIN LATERAL jsonb_object_keys(part.series_revisions) AS stamped (name)
JOIN series ON series.name = stamped.name
JOIN lookup_table ON lookup_table.series_id = series.id AND lookup_table.since < part.end_day
    AND lookup_table.recorded_at >= part.begins_at;
SELECT unite_contributors();
