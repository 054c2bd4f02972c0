-- When jobs are done, as people say: what is not here goes by the default of its job.
CREATE TABLE schedule (
    name text PRIMARY KEY CHECK (name <> ''),
    job text NOT NULL CHECK (job <> ''),
    -- Local time of day in the zone, or in each zone of the points where that is NULL.
    at time NOT NULL,
    zone text CHECK (zone <> ''),
    -- Day of the month; NULL for every day.
    day smallint CHECK (day BETWEEN 1 AND 28),
    -- Which accounts a run bills; NULL for all.
    group_name text CHECK (group_name <> ''),
    -- Whose periods a run bills; NULL for the month before.
    cycle text CHECK (cycle <> ''),
    paused boolean NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL
);

ALTER TABLE night_job ADD COLUMN began_at timestamptz;
-- What the job did.
ALTER TABLE night_job ADD COLUMN outcome text;
-- Nobody tries it any more in this night.
ALTER TABLE night_job ADD COLUMN gave_up_at timestamptz;
ALTER TABLE night_job ADD CHECK (gave_up_at IS NULL OR done_at IS NULL AND error IS NOT NULL);

-- The queue that wakes workers: a library's own tables, in a schema of their own. Its migrations
-- follow ours, each with the SHA-256 of what was run. It holds nothing that must last.
DO $$ BEGIN
    -- Where the owner may not make one, an administrator has made it for him.
    IF to_regnamespace('meterline_jobs') IS NULL THEN CREATE SCHEMA meterline_jobs; END IF;
END $$;
CREATE TABLE queue_migration (
    name text PRIMARY KEY,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL
);
