-- The oldest day that is over and not closed, of all channels, as a worker counted last. Derived: it may
-- be emptied and is counted again.
CREATE TABLE unclosed_days (
    one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    as_of timestamptz NOT NULL,
    -- How many channels have such days.
    channels bigint NOT NULL CHECK (channels >= 0),
    -- NULL where every day is closed.
    day date,
    channel_id bigint,
    CHECK ((day IS NULL) = (channels = 0) AND (day IS NULL) = (channel_id IS NULL))
);
