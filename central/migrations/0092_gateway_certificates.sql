-- Gateways claim their name with a code, and get certificates that end soon.

-- A code is kept as its hash, and is used once; the key that used it may ask again for what it got.
CREATE TABLE gateway_invitation (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gateway text NOT NULL CHECK (gateway ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    code_sha256 bytea NOT NULL UNIQUE CHECK (length(code_sha256) = 32),
    invited_by text NOT NULL CHECK (invited_by <> ''),
    invited_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    withdrawn_at timestamptz,
    claimed_at timestamptz,
    -- Of the device's key, as the request for a certificate has it.
    claimed_key bytea CHECK (length(claimed_key) = 32),
    CHECK (expires_at > invited_at),
    CHECK ((claimed_at IS NULL) = (claimed_key IS NULL))
);
CREATE INDEX gateway_invitation_of ON gateway_invitation (gateway);

CREATE TABLE gateway_certificate (
    -- Of the issuer's numbers, in hexadecimal digits.
    serial text PRIMARY KEY CHECK (serial ~ '^[0-9a-f]{1,40}$'),
    gateway_id bigint NOT NULL REFERENCES gateway,
    -- SHA-256 of the public key: a key has one certificate.
    key_sha256 bytea NOT NULL UNIQUE CHECK (length(key_sha256) = 32),
    -- PEM, its chain behind it.
    certificate text NOT NULL,
    issued_at timestamptz NOT NULL,
    not_after timestamptz NOT NULL,
    -- The one that was shown for it, which a restored database may not know; it has one successor.
    renews text UNIQUE,
    revoked_at timestamptz
);
CREATE INDEX gateway_certificate_of ON gateway_certificate (gateway_id, issued_at);
CREATE INDEX gateway_certificate_revoked ON gateway_certificate (not_after)
WHERE revoked_at IS NOT NULL;
