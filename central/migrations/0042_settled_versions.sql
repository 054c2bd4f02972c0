-- What becomes of issued bills that would say something else today: decided by one person, approved by
-- another, for an account's bills from the earliest changed one on.
CREATE TABLE correction (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid uuid NOT NULL UNIQUE,
    account_id bigint NOT NULL REFERENCES account,
    way text NOT NULL CHECK (way IN ('adjust', 'rebill', 'leave')),
    -- Of a rebill: whole bills, or only the parts that changed.
    mode text CHECK (mode IN ('full', 'parts')),
    -- The earliest bill that would say something else.
    from_bill_id bigint NOT NULL,
    state text NOT NULL DEFAULT 'decided' CHECK (state IN ('decided', 'approved', 'withdrawn')),
    -- Which inputs are others than the bills were made with, as text.
    cause text [] NOT NULL DEFAULT '{}',
    reason text NOT NULL CHECK (reason <> ''),
    -- Over the bills before and after, as they were shown to whoever decided: what is approved is that.
    difference_sha256 bytea NOT NULL CHECK (length(difference_sha256) = 32),
    decided_by text NOT NULL CHECK (decided_by <> ''),
    decided_at timestamptz NOT NULL,
    approved_by text,
    approved_at timestamptz,
    CHECK ((mode IS NOT NULL) = (way = 'rebill')),
    CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CHECK ((state = 'approved') = (approved_by IS NOT NULL)),
    CONSTRAINT correction_needs_four_eyes CHECK (approved_by <> decided_by)
);
CREATE INDEX correction_account ON correction (account_id, id);
-- An account has one that waits.
CREATE UNIQUE INDEX correction_waiting ON correction (account_id) WHERE state = 'decided';

-- Which lines of its bill are a part's, by their numbers. NULL of parts of earlier releases: theirs are
-- told by point and days.
ALTER TABLE bill_part ADD COLUMN line_numbers int4range;

-- An issued part is version 1. What a correction makes of it without a new bill is another version: the
-- newest is what the part behind opens with, and what later differences are against.
CREATE TABLE settled_version (
    part_id bigint NOT NULL,
    version integer NOT NULL CHECK (version > 1),
    correction_id bigint NOT NULL REFERENCES correction,
    bill_id bigint NOT NULL REFERENCES bill,
    account_id bigint NOT NULL REFERENCES account,
    -- What the bill would say of the supply, and its lines with their lineage.
    supply jsonb NOT NULL,
    lines jsonb NOT NULL,
    kwh numeric NOT NULL,
    opening_sha256 bytea NOT NULL CHECK (length(opening_sha256) = 32),
    closing_sha256 bytea NOT NULL CHECK (length(closing_sha256) = 32),
    closing jsonb NOT NULL,
    -- What is the account's own at both ends; NULL where the part knows nothing of it.
    own_opening_sha256 bytea CHECK (length(own_opening_sha256) = 32),
    own_closing_sha256 bytea CHECK (length(own_closing_sha256) = 32),
    own_closing jsonb,
    -- What it did to the money in banks, as `bank_movement` has it: [{bank, opened, ...}].
    movements jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (part_id, version),
    CHECK ((own_opening_sha256 IS NULL) = (own_closing_sha256 IS NULL)),
    CHECK ((own_opening_sha256 IS NULL) = (own_closing IS NULL))
);
CREATE INDEX settled_version_of_correction ON settled_version (correction_id);

-- Newer revisions of the inputs of issued parts: of what a correction rated again, and of what was
-- compared and left. They say as much as the columns of the same names of `bill_part`.
CREATE TABLE settled_stamp (
    part_id bigint NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    noted_at timestamptz NOT NULL,
    -- NULL where the inputs are others and the part says the same.
    correction_id bigint REFERENCES correction,
    point_revision bigint,
    account_revision bigint,
    tariff_revision bigint,
    settings_revision bigint,
    series_revisions jsonb,
    other_tariff_revisions jsonb NOT NULL DEFAULT '{}',
    holiday_revisions jsonb NOT NULL DEFAULT '{}',
    days_read jsonb,
    not_metered boolean,
    looks_back_days integer,
    PRIMARY KEY (part_id, number)
);

-- Parts as they are settled: as their bill says, or the newest version. Whoever asks what a part left
-- asks here.
CREATE VIEW settled_part AS
SELECT
    part.id, part.bill_id, part.occupancy_id, part.agreement_id, part.first_day, part.end_day,
    part.settles, part.state_from,
    coalesce(newest.version, 1) AS version, newest.correction_id,
    coalesce(newest.opening_sha256, part.opening_sha256) AS opening_sha256,
    coalesce(newest.closing_sha256, part.closing_sha256) AS closing_sha256,
    coalesce(newest.closing, part.closing) AS closing
FROM bill_part AS part
LEFT JOIN LATERAL (
    SELECT version, correction_id, opening_sha256, closing_sha256, closing
    FROM settled_version WHERE settled_version.part_id = part.id
    ORDER BY version DESC LIMIT 1
) AS newest ON true;

-- What is an account's own after parts, as they are settled.
CREATE VIEW settled_state AS
SELECT
    own.part_id, own.bill_id, own.account_id, own.place, own.state_from,
    coalesce(newest.own_opening_sha256, own.opening_sha256) AS opening_sha256,
    coalesce(newest.own_closing_sha256, own.closing_sha256) AS closing_sha256,
    coalesce(newest.own_closing, own.closing) AS closing
FROM account_state AS own
LEFT JOIN LATERAL (
    SELECT own_opening_sha256, own_closing_sha256, own_closing
    FROM settled_version WHERE settled_version.part_id = own.part_id
    ORDER BY version DESC LIMIT 1
) AS newest ON true;

-- The revisions that parts are known to follow.
CREATE VIEW stamped_part AS
SELECT
    part.id, part.bill_id, part.occupancy_id, part.agreement_id, part.first_day, part.end_day,
    part.settles, newest.part_id IS NOT NULL AS noted,
    CASE WHEN newest.part_id IS NULL THEN part.point_revision ELSE newest.point_revision END
        AS point_revision,
    CASE WHEN newest.part_id IS NULL THEN part.account_revision ELSE newest.account_revision END
        AS account_revision,
    CASE WHEN newest.part_id IS NULL THEN part.tariff_revision ELSE newest.tariff_revision END
        AS tariff_revision,
    CASE WHEN newest.part_id IS NULL THEN part.settings_revision ELSE newest.settings_revision END
        AS settings_revision,
    CASE WHEN newest.part_id IS NULL THEN part.series_revisions ELSE newest.series_revisions END
        AS series_revisions,
    CASE
        WHEN newest.part_id IS NULL THEN part.other_tariff_revisions
        ELSE newest.other_tariff_revisions
    END AS other_tariff_revisions,
    CASE WHEN newest.part_id IS NULL THEN part.days_read ELSE newest.days_read END AS days_read,
    CASE WHEN newest.part_id IS NULL THEN part.not_metered ELSE newest.not_metered END
        AS not_metered,
    CASE WHEN newest.part_id IS NULL THEN part.looks_back_days ELSE newest.looks_back_days END
        AS looks_back_days
FROM bill_part AS part
LEFT JOIN LATERAL (
    SELECT * FROM settled_stamp WHERE settled_stamp.part_id = part.id
    ORDER BY number DESC LIMIT 1
) AS newest ON true;

-- What parts did to the money in banks, as they are settled.
CREATE VIEW settled_movement AS
SELECT
    moved.part_id, moved.bank, moved.bill_id, moved.opened, moved.received, moved.earned,
    moved.applied, moved.refunded, moved.expired, moved.remaining
FROM bank_movement AS moved
WHERE NOT EXISTS (SELECT FROM settled_version AS later WHERE later.part_id = moved.part_id)
UNION ALL
SELECT
    newest.part_id, moved.bank, newest.bill_id, moved.opened, moved.received, moved.earned,
    moved.applied, moved.refunded, moved.expired, moved.remaining
FROM settled_version AS newest
CROSS JOIN LATERAL jsonb_to_recordset(newest.movements) AS moved (
    bank text, opened numeric, received numeric, earned numeric, applied numeric,
    refunded numeric, expired numeric, remaining numeric
)
WHERE NOT EXISTS (
    SELECT FROM settled_version AS later
    WHERE later.part_id = newest.part_id AND later.version > newest.version
);
