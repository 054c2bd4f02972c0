-- Issued bills that would say something else today, found by comparing the revisions of their inputs:
-- of an account one that is open, with what its tail says when it is rated again.
CREATE TABLE correction_candidate (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid uuid NOT NULL UNIQUE,
    account_id bigint NOT NULL REFERENCES account,
    -- The earliest part that would say or leave something else, or cannot be rated, and its bill.
    part_id bigint NOT NULL,
    bill_id bigint NOT NULL REFERENCES bill,
    -- Which inputs are others: [{kind, name, detail}].
    causes jsonb NOT NULL,
    -- As a decision keeps it, by currency, tax and bill, with the lines that differ.
    difference jsonb NOT NULL,
    difference_sha256 bytea CHECK (length(difference_sha256) = 32),
    -- Why the bills cannot be rated again: {code, message}. Then nobody knows a difference.
    hold jsonb,
    -- The sum of the revisions of the inputs of all issued parts, when they were compared: they only rise.
    revisions numeric NOT NULL,
    opened_at timestamptz NOT NULL,
    compared_at timestamptz NOT NULL,
    closed_at timestamptz,
    closed_as text CHECK (
        closed_as IN ('adjusted', 'left', 'rebilled', 'cancelled', 'no difference')
    ),
    closed_by text,
    -- What closed it: a decision, or what was proposed together with a credit note.
    correction_id bigint REFERENCES correction,
    decision uuid,
    CHECK ((hold IS NULL) = (difference_sha256 IS NOT NULL)),
    CHECK ((closed_at IS NULL) = (closed_as IS NULL)),
    CHECK ((closed_at IS NULL) = (closed_by IS NULL)),
    CHECK ((correction_id IS NOT NULL) = (coalesce(closed_as, '') IN ('adjusted', 'left'))),
    CHECK ((decision IS NOT NULL) = (coalesce(closed_as, '') IN ('rebilled', 'cancelled')))
);
CREATE UNIQUE INDEX correction_candidate_open ON correction_candidate (account_id)
WHERE closed_at IS NULL;
CREATE INDEX correction_candidate_account ON correction_candidate (account_id, id);
CREATE INDEX correction_candidate_part ON correction_candidate (part_id) WHERE closed_at IS NULL;

-- Inputs whose revision was raised and that no issued bill was compared with since. A row says no more
-- than that somebody should look; every night all issued bills are compared without it.
CREATE TABLE changed_input (
    kind text NOT NULL CHECK (kind IN ('service point', 'account', 'tariff', 'series')),
    input_id bigint NOT NULL,
    revision bigint NOT NULL,
    PRIMARY KEY (kind, input_id)
);

-- Which changes of the registry are newer than a bill.
CREATE INDEX registry_revision_recorded ON registry_revision (recorded_at);
