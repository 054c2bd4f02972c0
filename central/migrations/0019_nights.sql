-- Which jobs of which night are done. It is kept here and not in a worker, so that a restart neither
-- skips a night nor does one again.
CREATE TABLE night_job (
    -- The UTC day on which the night ends.
    night date NOT NULL,
    job text NOT NULL CHECK (job <> ''),
    -- The process that took it last.
    worker uuid NOT NULL,
    -- Nobody else takes it before: at work until then, or put off.
    due_at timestamptz NOT NULL,
    attempts integer NOT NULL CHECK (attempts > 0),
    done_at timestamptz,
    -- Why the last attempt failed.
    error text CHECK (error <> ''),
    PRIMARY KEY (night, job),
    CHECK (done_at IS NULL OR error IS NULL)
);
