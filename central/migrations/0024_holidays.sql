-- Public holidays as bills are rated with them: a year of a calendar is seeded from the release, and
-- changed or taken back by its next revision. A part of a bill keeps the revisions that it was rated
-- with; a year that is not kept is the release's own, and has revision 0.
CREATE TABLE holiday_calendar (
    name text NOT NULL CHECK (name <> ''),
    year integer NOT NULL CHECK (year BETWEEN 1 AND 9999),
    revision integer NOT NULL CHECK (revision > 0),
    -- [[date, name]], ascending.
    days jsonb NOT NULL,
    withdrawn boolean NOT NULL DEFAULT false,
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    PRIMARY KEY (name, year, revision)
);
ALTER TABLE bill_part ADD COLUMN holiday_revisions jsonb NOT NULL DEFAULT '{}';
