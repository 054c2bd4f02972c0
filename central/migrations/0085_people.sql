-- Who signs in: people with roles, and keys that programs use in their names. A person is disabled and never
-- deleted, since bills and the audit log name them.
CREATE TABLE person (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Under which every table keeps who did something; it never changes and is never given again.
    name text NOT NULL UNIQUE CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$'),
    roles text [] NOT NULL CHECK (roles <> '{}'),
    -- Whose data they see; where both are empty, everybody's, but for a customer.
    group_names text [] NOT NULL DEFAULT '{}',
    account_numbers text [] NOT NULL DEFAULT '{}',
    password text CHECK (password LIKE '$argon2id$%'),
    added_at timestamptz NOT NULL,
    added_by text NOT NULL CHECK (added_by <> ''),
    disabled_at timestamptz
);
CREATE UNIQUE INDEX person_is_one ON person (lower(name));

-- A code that is shown once and used once, to choose a password with.
CREATE TABLE person_code (
    sha256 bytea PRIMARY KEY CHECK (length(sha256) = 32),
    person_id bigint NOT NULL REFERENCES person,
    added_at timestamptz NOT NULL,
    added_by text NOT NULL CHECK (added_by <> ''),
    until_at timestamptz NOT NULL CHECK (added_at < until_at),
    used_at timestamptz
);
CREATE INDEX person_code_open ON person_code (person_id) WHERE used_at IS NULL;

-- A key is shown once; here is its hash alone.
CREATE TABLE api_key (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sha256 bytea NOT NULL UNIQUE CHECK (length(sha256) = 32),
    person_id bigint NOT NULL REFERENCES person,
    label text NOT NULL CHECK (label <> ''),
    permissions text [] NOT NULL CHECK (permissions <> '{}'),
    added_at timestamptz NOT NULL,
    added_by text NOT NULL CHECK (added_by <> ''),
    until_at timestamptz NOT NULL CHECK (added_at < until_at),
    seen_at timestamptz,
    revoked_at timestamptz,
    revoked_by text,
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE INDEX api_key_person ON api_key (person_id);
