-- Which register is written beside invoices, and by what software it says it is: the newest holds.
CREATE TABLE fiscal_setting (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mode text NOT NULL CHECK (mode IN ('none', 'verifactu')),
    software jsonb NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    recorded_at timestamptz NOT NULL
);

-- How long the chain of an issuer is. Who adds a record holds its row until the commit.
CREATE TABLE fiscal_chain (
    issuer text PRIMARY KEY CHECK (issuer <> ''),
    ordinal bigint NOT NULL DEFAULT 0 CHECK (ordinal >= 0)
);

-- A record for each invoice and credit note, in the transaction that issues it.
CREATE TABLE fiscal_record (
    issuer text NOT NULL REFERENCES fiscal_chain,
    ordinal bigint NOT NULL CHECK (ordinal > 0),
    kind text NOT NULL CHECK (kind IN ('registration', 'cancellation')),
    bill_id bigint NOT NULL REFERENCES bill,
    number text NOT NULL CHECK (number <> ''),
    issued_on date NOT NULL,
    invoice_type text NOT NULL,
    tax numeric NOT NULL,
    total numeric NOT NULL,
    -- Hashes as they are written: hexadecimal capitals, of the first one nothing before it.
    previous text NOT NULL CHECK (previous ~ '^([0-9A-F]{64})?$'),
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9A-F]{64}$'),
    -- The time as it is hashed, with the offset that it had.
    stamped text NOT NULL,
    content text NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (issuer, ordinal),
    UNIQUE (issuer, previous),
    UNIQUE (bill_id, kind)
);
CREATE INDEX fiscal_record_number ON fiscal_record (number);
