-- Who worked on the bills that a statement approves is asked once for all of them: none of those
-- approves, and each is named.
CREATE FUNCTION bills_approved_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    approved bigint [] := ARRAY(
        SELECT after.id FROM after JOIN before ON before.id = after.id
        WHERE after.state = 'approved' AND before.state <> 'approved'
    );
    listed record;
BEGIN
    IF approved = '{}' THEN
        RETURN NULL;
    END IF;
    FOR listed IN
        SELECT
            after.id,
            min(contributor.what) FILTER (WHERE contributor.actor = after.approver) AS own,
            array_agg(DISTINCT contributor.actor)
                FILTER (WHERE contributor.actor <> ALL(after.contributors)) AS missing
        FROM bill_contributor AS contributor JOIN after ON after.id = contributor.bill_id
        WHERE contributor.bill_id = ANY(approved)
        GROUP BY after.id
    LOOP
        IF listed.own IS NOT NULL THEN
            RAISE EXCEPTION 'bill % is not approved by somebody who %', listed.id, listed.own
                USING ERRCODE = 'restrict_violation';
        END IF;
        -- The statement has named them, mostly.
        IF listed.missing IS NOT NULL THEN
            UPDATE bill SET contributors = contributors || listed.missing WHERE id = listed.id;
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
