-- Guards of bills say what there is to do: nothing cancels a bill yet. The functions stay as they
-- are but for the texts of their hints.
DO $$
DECLARE
    guard record;
BEGIN
    FOR guard IN
        SELECT pg_get_functiondef(oid) AS text FROM pg_proc
        WHERE pronamespace = current_schema()::regnamespace
            AND proname IN (
                'bill_guard', 'bill_content_guard', 'bill_money_guard', 'billed_period_guard'
            )
    LOOP
        EXECUTE regexp_replace(
            regexp_replace(
                guard.text, 'Cancel (it|the bill) and bill again\.',
                'An approved or issued bill stays as it is.', 'g'
            ),
            'A bill is cancelled by another bill\.', 'Discard a draft or held bill; it stays listed.', 'g'
        );
    END LOOP;
END
$$;
