-- name: bill
SELECT
    bill.id, bill.uid, bill_run.uid, bill.document, bill.state, bill.sha256, bill.kwh,
    bill.creator, bill.made_at, bill.approver, bill.issued_at, bill.series, bill.legal_number,
    bill.issue, bill.content_sha256, bill.contributors || CASE
        -- Approving takes them over; what is issued stays as it is.
        WHEN bill.state IN ('draft', 'held') THEN ARRAY(
            SELECT starter.actor FROM bill_run_starter AS starter
            WHERE starter.run_id = bill.run_id AND starter.actor <> ALL(bill.contributors)
                AND bill.decision IS NULL
            ORDER BY starter.first_at, starter.actor
        ) ELSE '{}'
    END, bill.decision, bill.cycle, bill.currency
FROM bill JOIN bill_run ON bill_run.id = bill.run_id
WHERE bill.uid = %(uid)s

-- name: lines
SELECT number, service_point, lineage FROM bill_line WHERE bill_id = %(bill)s ORDER BY number
