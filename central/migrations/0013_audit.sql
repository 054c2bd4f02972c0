-- Rows of the audit log are written without a lock; a sealer chains them afterwards. What was
-- chained as it was written keeps its number, its hashes and the form of its hash.

CREATE TABLE audit_seal (
    seal bigint PRIMARY KEY CHECK (seal > 0),
    -- Also keeps the row from being deleted.
    audit_id bigint NOT NULL UNIQUE REFERENCES audit_log,
    form smallint NOT NULL,
    prev_hash bytea NOT NULL CHECK (length(prev_hash) = 32),
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    sealed_at timestamptz NOT NULL
);
INSERT INTO audit_seal (seal, audit_id, form, prev_hash, sha256, sealed_at)
SELECT id, id, 1, prev_hash, sha256, at FROM audit_log ORDER BY id;

DROP TRIGGER audit_log_chained ON audit_log;
DROP FUNCTION audit_broken_at();
DROP FUNCTION audit_chain();
DROP FUNCTION audit_hash(audit_log);
ALTER TABLE audit_log
    DROP COLUMN prev_hash,
    DROP COLUMN sha256,
    -- By which way the actor came; not known of rows of before.
    ADD COLUMN via text CHECK (via IN ('command', 'api', 'dashboard', 'worker')),
    ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;
SELECT setval(
    pg_get_serial_sequence('audit_log', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM audit_log), false
);
CREATE INDEX audit_log_subject ON audit_log (subject, id);
CREATE INDEX audit_log_at ON audit_log (at);

-- Rows that wait for their seal.
CREATE TABLE audit_unsealed (audit_id bigint PRIMARY KEY REFERENCES audit_log);

-- What audit rows say about persons, by reference: deleting a row here breaks no seal.
CREATE TABLE personal_value (
    uid uuid PRIMARY KEY,
    -- The subject of the audit row.
    about text NOT NULL,
    kept_at timestamptz NOT NULL,
    salt bytea NOT NULL CHECK (length(salt) = 16),
    value text NOT NULL
);
CREATE INDEX personal_value_about ON personal_value (about);
