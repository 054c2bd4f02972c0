-- Billing cycles as lists of dated periods, which accounts are in them, and named groups of points
-- and accounts. The calendar month and months from a day on (`@15`) are built in and have no rows.

CREATE TABLE billing_cycle (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name <> ''),
    months integer NOT NULL CHECK (months IN (1, 2, 3, 12)),
    first_day date NOT NULL,
    bill_after integer NOT NULL DEFAULT 0 CHECK (bill_after >= 0),
    -- Written by hand, such as a route's read dates: nothing is generated after the list.
    by_hand boolean NOT NULL DEFAULT false,
    -- When it was last changed; locked while it is.
    changed_at timestamptz
);

-- The periods of a cycle tile: each but the first follows another one's end, and no two the same.
CREATE TABLE cycle_period (
    cycle_id bigint NOT NULL REFERENCES billing_cycle,
    name text NOT NULL CHECK (name <> ''),
    first_day date NOT NULL,
    end_day date NOT NULL,
    bill_day date NOT NULL,
    -- The end of the period before, NULL for the first of the list.
    follows date CHECK (follows = first_day),
    PRIMARY KEY (cycle_id, end_day),
    UNIQUE (cycle_id, name),
    CONSTRAINT cycle_period_follows_once UNIQUE NULLS NOT DISTINCT (cycle_id, follows),
    CONSTRAINT cycle_period_leaves_no_day_out
    FOREIGN KEY (cycle_id, follows) REFERENCES cycle_period (cycle_id, end_day),
    CHECK (first_day < end_day AND end_day <= bill_day)
);

-- From which day on an account is in a cycle, until its next row. The name of a built-in cycle
-- stands for itself; it begins with @, or is `monthly`.
CREATE TABLE account_cycle (
    account_id bigint NOT NULL REFERENCES account,
    from_day date NOT NULL,
    cycle_id bigint REFERENCES billing_cycle,
    built_in text CHECK (built_in ~ '^(monthly|@[0-9]+)$'),
    PRIMARY KEY (account_id, from_day),
    CHECK (num_nonnulls(cycle_id, built_in) = 1)
);
CREATE INDEX account_cycle_members ON account_cycle (cycle_id);

CREATE TABLE named_group (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name <> ''),
    of text NOT NULL CHECK (of IN ('point', 'account')),
    -- When its members last changed; locked while they do.
    changed_at timestamptz,
    UNIQUE (id, of)
);

CREATE TABLE group_member (
    group_id bigint NOT NULL,
    of text NOT NULL,
    service_point_id bigint REFERENCES service_point,
    account_id bigint REFERENCES account,
    member_id bigint GENERATED ALWAYS AS (coalesce(service_point_id, account_id)) STORED,
    from_day date NOT NULL,
    end_day date CHECK (from_day < end_day),
    PRIMARY KEY (group_id, member_id, from_day),
    FOREIGN KEY (group_id, of) REFERENCES named_group (id, of),
    CONSTRAINT group_member_is_of_its_kind CHECK (
        (service_point_id IS NOT NULL) = (of = 'point')
        AND (account_id IS NOT NULL) = (of = 'account')
    ),
    CONSTRAINT group_member_once_a_day EXCLUDE USING gist (
        int8range(group_id, group_id, '[]') WITH &&,
        int8range(member_id, member_id, '[]') WITH &&,
        daterange(from_day, end_day) WITH &&
    )
);
CREATE INDEX group_member_points ON group_member (service_point_id) WHERE of = 'point';
CREATE INDEX group_member_accounts ON group_member (account_id) WHERE of = 'account';
