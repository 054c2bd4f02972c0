-- What is an account's own after the parts of its bills that know any of it: each opened with what
-- the one before it in the account's order left. Parts without a row know nothing of it.
CREATE TABLE account_state (
    part_id bigint PRIMARY KEY,
    bill_id bigint NOT NULL,
    account_id bigint NOT NULL REFERENCES account,
    -- Of the part in the account's order.
    place integer NOT NULL CHECK (place > 0),
    -- The part before it; NULL for the first.
    state_from bigint,
    opening_sha256 bytea NOT NULL CHECK (length(opening_sha256) = 32),
    closing_sha256 bytea NOT NULL CHECK (length(closing_sha256) = 32),
    closing jsonb NOT NULL
);
CREATE INDEX account_state_place ON account_state (account_id, place);
CREATE INDEX account_state_bill ON account_state (bill_id);
CREATE INDEX account_state_from ON account_state (state_from);
