-- What each gateway may still send at once, for all ingest processes together. Processes of the release before look at
-- their own share alone, and work beside this one.
CREATE TABLE gateway_rate (
    gateway_id bigint PRIMARY KEY REFERENCES gateway (id),
    -- It fills evenly, to a minute's quota at most; below 0 where several processes took at once.
    messages double precision NOT NULL,
    payload_bytes double precision NOT NULL,
    at timestamptz NOT NULL
) WITH (fillfactor = 50);
INSERT INTO release_beside (version) VALUES (113);
