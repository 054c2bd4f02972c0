-- The text of every template that an issued bill names: a later release renders with the same.
CREATE TABLE document_template (
    sha256 bytea PRIMARY KEY CHECK (length(sha256) = 32),
    name text NOT NULL CHECK (name <> ''),
    content bytea NOT NULL CHECK (sha256(content) = sha256)
);

-- Documents as they were rendered, once.
CREATE TABLE bill_document (
    bill_id bigint NOT NULL REFERENCES bill,
    kind text NOT NULL CHECK (kind <> ''),
    media_type text NOT NULL,
    template_sha256 bytea NOT NULL REFERENCES document_template,
    content_sha256 bytea NOT NULL CHECK (length(content_sha256) = 32),
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    content bytea NOT NULL CHECK (sha256(content) = sha256),
    rendered_at timestamptz NOT NULL,
    PRIMARY KEY (bill_id, kind)
);
-- A PDF is compressed already.
ALTER TABLE bill_document ALTER COLUMN content SET STORAGE EXTERNAL;

-- Issued bills whose document is not rendered yet. A row with a code is a finding: why not.
CREATE TABLE document_job (
    bill_id bigint PRIMARY KEY REFERENCES bill,
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- Nobody takes it before; an attempt that dies leaves it to the next from then on.
    due_at timestamptz NOT NULL,
    code text,
    message text,
    failed_at timestamptz,
    CHECK ((code IS NULL) = (message IS NULL) AND (code IS NULL) = (failed_at IS NULL))
);
CREATE INDEX document_job_due ON document_job (due_at, bill_id);

INSERT INTO document_job (bill_id, due_at)
SELECT id, issued_at FROM bill WHERE state = 'issued';

