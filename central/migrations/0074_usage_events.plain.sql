ALTER TABLE usage_event RENAME TO usage_event_shape;
ALTER INDEX usage_event_subject RENAME TO usage_event_shape_subject;
CREATE TABLE usage_event (LIKE usage_event_shape INCLUDING ALL) PARTITION BY RANGE (at);
DROP TABLE usage_event_shape;

CREATE FUNCTION usage_event_attach(from_at timestamptz, until_at timestamptz, now_at timestamptz)
RETURNS integer LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
-- The bounds keep the application from making partitions without end.
SELECT attach_months(
    'usage_event',
    (greatest(from_at, now_at - interval '38 months') AT TIME ZONE 'UTC')::date,
    (least(until_at, now_at + interval '24 months') AT TIME ZONE 'UTC')::date
)
$$;
