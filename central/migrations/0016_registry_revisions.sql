-- What the registry said of everything in it, revision by revision: nothing that a bill was made from
-- is overwritten without its old content staying readable.
CREATE TABLE registry_revision (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind <> ''),
    subject text NOT NULL,
    revision integer NOT NULL CHECK (revision > 0),
    -- Every field but those about a person.
    content jsonb NOT NULL,
    -- Those; NULL where there are none, or where they were erased by law.
    personal jsonb,
    -- All three are not known of what was there before revisions were kept.
    recorded_at timestamptz,
    recorded_by text,
    reason text,
    UNIQUE (kind, subject, revision),
    CHECK ((recorded_at IS NULL) = (recorded_by IS NULL)),
    CHECK (recorded_at IS NOT NULL OR revision = 1)
);
