-- A second factor: codes of an app, of a secret that is sealed by a key outside of the database; and codes to
-- recover with, each used once.
ALTER TABLE person
ADD COLUMN totp_secret bytea,
ADD COLUMN totp_since timestamptz,
-- The step of the last code that was taken: none is taken twice, and none from before.
ADD COLUMN totp_step bigint NOT NULL DEFAULT 0,
ADD CHECK (totp_since IS NULL OR totp_secret IS NOT NULL);

CREATE TABLE recovery_code (
    sha256 bytea PRIMARY KEY CHECK (length(sha256) = 32),
    person_id bigint NOT NULL REFERENCES person,
    added_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX recovery_code_open ON recovery_code (person_id) WHERE used_at IS NULL;
