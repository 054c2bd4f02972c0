-- Money of accounts: posted once, never changed, and consumed by one bill.
CREATE TABLE ledger_entry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Given by the sender: what is sent again is the same entry.
    key text NOT NULL UNIQUE CHECK (key <> ''),
    account_id bigint NOT NULL REFERENCES account,
    kind text NOT NULL CHECK (kind IN ('pay_in', 'grant', 'payment', 'refund', 'expiry')),
    day date NOT NULL,
    currency text NOT NULL CHECK (currency <> ''),
    amount numeric NOT NULL CHECK (amount > 0),
    -- Of pay-ins and grants: the bank of the tariff, and of which point's bills alone.
    bank text CHECK (bank <> ''),
    service_point_id bigint REFERENCES service_point,
    -- Of what is given back or lapses: the entry that it is of.
    of_id bigint REFERENCES ledger_entry,
    recorded_at timestamptz NOT NULL,
    actor text NOT NULL CHECK (actor <> ''),
    reason text NOT NULL CHECK (reason <> ''),
    CHECK ((kind IN ('pay_in', 'grant')) = (bank IS NOT NULL)),
    CHECK ((kind IN ('refund', 'expiry')) = (of_id IS NOT NULL)),
    CHECK (service_point_id IS NULL OR bank IS NOT NULL)
);
CREATE INDEX ledger_entry_account ON ledger_entry (account_id, id);
CREATE INDEX ledger_entry_of ON ledger_entry (of_id) WHERE of_id IS NOT NULL;

-- Which bill has consumed an entry: by a part of it, or where a payment names it. Discarding the bill
-- opens its entries again.
CREATE TABLE ledger_use (
    entry_id bigint PRIMARY KEY REFERENCES ledger_entry,
    bill_id bigint NOT NULL,
    part_id bigint
);
CREATE INDEX ledger_use_bill ON ledger_use (bill_id);
CREATE INDEX ledger_use_part ON ledger_use (part_id);

-- What a part did to the money in a bank:
-- opened + received + earned = applied + refunded + expired + remaining.
CREATE TABLE bank_movement (
    part_id bigint NOT NULL,
    bank text NOT NULL,
    bill_id bigint NOT NULL,
    opened numeric NOT NULL,
    received numeric NOT NULL,
    earned numeric NOT NULL,
    applied numeric NOT NULL,
    refunded numeric NOT NULL,
    expired numeric NOT NULL,
    remaining numeric NOT NULL,
    PRIMARY KEY (part_id, bank)
);
CREATE INDEX bank_movement_bill ON bank_movement (bill_id);

-- Who posted money that a bill consumes has worked on it.
CREATE OR REPLACE FUNCTION bill_contributors(wanted bigint) RETURNS TABLE (actor text, what text)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
WITH part AS (
    SELECT agreement.service_point_id, bill_part.first_day, bill_part.end_day
    FROM bill_part JOIN agreement ON agreement.id = bill_part.agreement_id
    WHERE bill_part.bill_id = wanted
), channel_days AS (
    SELECT point_channel.id, part.first_day, part.end_day
    FROM part JOIN point_channel ON point_channel.service_point_id = part.service_point_id
)
SELECT bill.creator, 'made it' FROM bill WHERE bill.id = wanted
UNION ALL
SELECT unnest(bill.contributors), 'ran it again' FROM bill WHERE bill.id = wanted
UNION ALL
SELECT day_block.actor, 'edited its days'
FROM channel_days JOIN day_block ON day_block.channel_id = channel_days.id
    AND day_block.day >= channel_days.first_day AND day_block.day < channel_days.end_day
    AND day_block.actor NOT IN ('job:validate', 'vee')
UNION ALL
SELECT vee_finding.accepted_by, 'accepted a finding of its days'
FROM channel_days JOIN vee_finding ON vee_finding.channel_id = channel_days.id
    AND vee_finding.day >= channel_days.first_day AND vee_finding.day < channel_days.end_day
    AND vee_finding.accepted_by IS NOT NULL
UNION ALL
SELECT conflict.decided_by, 'decided a conflict of its readings'
FROM part
JOIN installation ON installation.service_point_id = part.service_point_id
JOIN channel ON channel.meter_id = installation.meter_id
JOIN conflict ON conflict.channel_id = channel.id AND conflict.decided_by IS NOT NULL
    AND conflict.at >= lower(installation.during)
    AND conflict.at <= coalesce(upper(installation.during), 'infinity')
    AND conflict.at >= (part.first_day - 1)::timestamp AT TIME ZONE 'UTC'
    AND conflict.at < (part.end_day + 1)::timestamp AT TIME ZONE 'UTC'
UNION ALL
SELECT ledger_entry.actor, 'posted money that it consumes'
FROM ledger_use JOIN ledger_entry ON ledger_entry.id = ledger_use.entry_id
WHERE ledger_use.bill_id = wanted AND ledger_use.part_id IS NOT NULL
$$;
