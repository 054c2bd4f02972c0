-- Who is signed in at the pages. The browser holds the secret, here is its hash alone; a session ends
-- by its time, by standing idle, by signing out, or by whoever revokes it.
CREATE TABLE web_session (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sha256 bytea NOT NULL UNIQUE CHECK (length(sha256) = 32),
    -- Of the browser's own name: in another browser the secret is worth nothing.
    browser_sha256 bytea NOT NULL CHECK (length(browser_sha256) = 32),
    account text NOT NULL CHECK (account <> ''),
    address text NOT NULL,
    agent text NOT NULL,
    begun_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_by text,
    CHECK ((ended_at IS NULL) = (ended_by IS NULL)),
    CHECK (begun_at < until_at)
);
CREATE INDEX web_session_until ON web_session (until_at);
INSERT INTO release_beside (version) VALUES (75);
