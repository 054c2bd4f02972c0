-- Who people are at an identity provider: its own identifier of them, never their name or address there.
CREATE TABLE person_identity (
    issuer text NOT NULL CHECK (issuer <> ''),
    subject text NOT NULL CHECK (subject <> ''),
    person_id bigint NOT NULL REFERENCES person,
    added_at timestamptz NOT NULL,
    added_by text NOT NULL CHECK (added_by <> ''),
    PRIMARY KEY (issuer, subject),
    UNIQUE (person_id, issuer)
);
