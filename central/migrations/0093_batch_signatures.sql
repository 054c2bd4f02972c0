-- Gateways sign their batches. A batch's header is signed, whose hash is over all of it: with the
-- signature, the chain of hashes in `batch` and the bytes, what was received can be shown later.
ALTER TABLE gateway ADD COLUMN signing text NOT NULL DEFAULT 'accepted'
CHECK (signing IN ('off', 'accepted', 'required'));

CREATE TABLE gateway_signing_key (
    gateway_id bigint NOT NULL REFERENCES gateway,
    -- The first bytes of the SHA-256 of the public key.
    key_id bytea NOT NULL CHECK (length(key_id) = 8),
    public_key bytea NOT NULL CHECK (length(public_key) = 32),
    registered_at timestamptz NOT NULL,
    retired_at timestamptz,
    PRIMARY KEY (gateway_id, key_id)
);

CREATE TABLE batch_signature (
    batch_id bigint PRIMARY KEY REFERENCES batch,
    -- Of the batch's format, as its header says.
    version smallint NOT NULL,
    key_id bytea NOT NULL CHECK (length(key_id) = 8),
    signature bytea NOT NULL CHECK (length(signature) = 64),
    -- The batch behind its header.
    body bytea NOT NULL,
    stored_at timestamptz NOT NULL
);
