SELECT create_hypertable('reading', by_range('at', interval '7 days'));

-- Chunks appear by themselves here; the name is kept, so that ingest need not know the difference.
CREATE FUNCTION reading_attach(from_at timestamptz, until_at timestamptz) RETURNS integer
LANGUAGE sql AS 'SELECT 0';
