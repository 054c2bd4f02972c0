GRANT UPDATE (taxed_issue, taxed_due) ON bill_part TO meterline_app;

-- As before, with the days of the document.
CREATE OR REPLACE FUNCTION bill_part_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    stamp text [] := ARRAY[
        'point_revision', 'account_revision', 'tariff_revision', 'settings_revision',
        'series_revisions', 'days_read', 'other_tariff_revisions', 'holiday_revisions',
        'not_metered', 'looks_back_days', 'taxed_issue', 'taxed_due'
    ];
BEGIN
    IF to_jsonb(NEW) - stamp IS DISTINCT FROM to_jsonb(OLD) - stamp
        OR NOT EXISTS (SELECT FROM bill WHERE id = OLD.bill_id AND state IN ('draft', 'approved'))
    THEN
        RAISE EXCEPTION 'a part of bill % keeps what it says', OLD.bill_id
            USING ERRCODE = 'restrict_violation', HINT = 'Run the cycle again.';
    END IF;
    RETURN NEW;
END
$$;
