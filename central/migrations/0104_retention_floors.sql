-- The day before which nothing of a service point is validated again, whatever comes: what is older may go
-- once it is past its term. A floor only rises; each step says who raised it and why.
ALTER TABLE service_point ADD COLUMN retention_floor date;
UPDATE knowledge_rule SET left_out = left_out || '{retention_floor}' WHERE relation = 'service_point';

CREATE TABLE retention_floor (
    service_point_id bigint NOT NULL REFERENCES service_point,
    day date NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    actor text NOT NULL CHECK (actor <> ''),
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (service_point_id, day)
);

-- Why the floor of a service point cannot rise to a day; NULL where it can.
CREATE FUNCTION floor_refusal(point bigint, wanted date) RETURNS text
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
SELECT CASE
    WHEN EXISTS (SELECT FROM points_on_hold() AS kept (id) WHERE kept.id = point) THEN 'ON_LEGAL_HOLD'
    WHEN EXISTS (
        SELECT FROM point_channel
        JOIN service_point ON service_point.id = point_channel.service_point_id
        JOIN installation ON installation.service_point_id = service_point.id
            AND installation.withdrawn IS NULL
        WHERE service_point.id = point
            -- A day more on both sides, whatever the zone is.
            AND (lower(during) AT TIME ZONE 'UTC')::date - 1 < wanted
            AND coalesce((upper(during) AT TIME ZONE 'UTC')::date, 'infinity'::date)
            > coalesce(closed_through + 1, '-infinity'::date)
            AND coalesce(closed_through + 1, '-infinity'::date) < wanted
    ) THEN 'NOT_CLOSED'
    WHEN EXISTS (
        SELECT FROM service JOIN occupancy ON occupancy.service_id = service.id
        WHERE service.service_point_id = point AND occupancy.billing_from < wanted
            AND (
                coalesce(
                    (SELECT max(end_day) FROM billed_period WHERE occupancy_id = occupancy.id),
                    occupancy.billing_from
                ) < least(wanted, coalesce(occupancy.ended_on, 'infinity'::date))
                OR EXISTS (
                    SELECT FROM billed_period
                    JOIN bill_part ON bill_part.id = billed_period.part_id
                    JOIN bill ON bill.id = bill_part.bill_id
                    WHERE billed_period.occupancy_id = occupancy.id
                        AND billed_period.first_day < wanted AND bill.state <> 'issued'
                )
            )
    ) THEN 'NOT_ISSUED'
    WHEN EXISTS (
        SELECT FROM correction_candidate
        JOIN agreement ON agreement.account_id = correction_candidate.account_id
        WHERE agreement.service_point_id = point AND correction_candidate.closed_at IS NULL
    ) THEN 'TO_CORRECT'
END
$$;

-- Raise the floor of service points that lie lower; what is refused stays, and says why.
CREATE FUNCTION raise_floors(
    points bigint [], wanted date, why text, by_actor text, now_at timestamptz, dry boolean
) RETURNS TABLE (name text, before date, refusal text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM lock_retention();
    IF wanted > (now_at AT TIME ZONE 'UTC')::date - 450 THEN
        RAISE EXCEPTION 'a floor lies 450 days back at least, so % is too late', wanted
            USING ERRCODE = 'restrict_violation';
    END IF;
    PERFORM FROM service_point WHERE id = ANY(points) ORDER BY id FOR NO KEY UPDATE;
    RETURN QUERY
    WITH asked AS MATERIALIZED (
        SELECT
            service_point.id, service_point.name, service_point.retention_floor,
            floor_refusal(service_point.id, wanted) AS refusal
        FROM service_point
        WHERE service_point.id = ANY(points)
            AND coalesce(service_point.retention_floor, '-infinity') < wanted
    ), step AS (
        INSERT INTO retention_floor (service_point_id, day, reason, actor, recorded_at)
        SELECT asked.id, wanted, why, by_actor, now_at FROM asked WHERE asked.refusal IS NULL AND NOT dry
    ), raised AS (
        UPDATE service_point SET retention_floor = wanted
        FROM asked WHERE service_point.id = asked.id AND asked.refusal IS NULL AND NOT dry
    )
    SELECT asked.name, asked.retention_floor, asked.refusal FROM asked ORDER BY asked.name;
END
$$;
REVOKE ALL ON FUNCTION raise_floors FROM PUBLIC;

INSERT INTO release_beside (version) VALUES (104);
