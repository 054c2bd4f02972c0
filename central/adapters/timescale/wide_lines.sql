-- name: counts
SELECT
    (SELECT count(DISTINCT bill_id) FROM bill_line_wide),
    (SELECT count(*) FROM bill_figures)

-- name: past_counts
SELECT
    (SELECT count(*) FROM (
        SELECT DISTINCT bill_id, known_from, known_until FROM past.bill_line_wide
    ) AS kept),
    (SELECT count(*) FROM past.bill_figures)

-- name: next
SELECT bill_id, array_agg(number ORDER BY number), array_agg(service_point ORDER BY number),
    jsonb_agg(lineage ORDER BY number)
FROM bill_line_wide
WHERE bill_id > (SELECT coalesce(max(bill_id), 0) FROM bill_figures)
GROUP BY bill_id ORDER BY bill_id LIMIT %(limit)s

-- name: past_next
-- What a draft said until it was made anew; the newest row there says how far it went.
SELECT bill_id, array_agg(number ORDER BY number), array_agg(service_point ORDER BY number),
    jsonb_agg(lineage ORDER BY number), known_from, known_until
FROM past.bill_line_wide
WHERE (bill_id, known_until) > (
    SELECT bill_id, known_until FROM past.bill_figures
    UNION ALL SELECT 0, '-infinity'
    ORDER BY 1 DESC, 2 DESC LIMIT 1
)
GROUP BY bill_id, known_from, known_until
ORDER BY bill_id, known_until LIMIT %(limit)s

-- name: add_past
INSERT INTO past.bill_figures (bill_id, forms, figures, known_from, known_until)
VALUES (%(bill)s, %(forms)s, %(figures)s, %(known_from)s, %(known_until)s)

-- name: add
INSERT INTO bill_figures (bill_id, forms, figures) VALUES (%(bill)s, %(forms)s, %(figures)s)
