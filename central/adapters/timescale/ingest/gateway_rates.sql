-- name: debit
-- In the order of keys, so that two processes that debit the same gateways wait and lock nothing for ever.
WITH sent AS (
    SELECT gateway.id, gateway.name, report.messages, report.payload_bytes
    FROM unnest(
        %(gateways)s::text[], %(messages)s::double precision[], %(payload_bytes)s::double precision[]
    ) AS report (name, messages, payload_bytes)
    JOIN gateway USING (name)
    ORDER BY gateway.id
), debited AS (
    INSERT INTO gateway_rate AS credit (gateway_id, messages, payload_bytes, at)
    SELECT id, %(message_quota)s - messages, %(byte_quota)s - payload_bytes, %(now)s::timestamptz FROM sent
    -- What is inserted is the quota less what was sent, so what was sent is the quota less that.
    ON CONFLICT (gateway_id) DO UPDATE SET
        messages = least(
            %(message_quota)s,
            credit.messages + %(message_quota)s * extract(epoch FROM greatest(credit.at, excluded.at) - credit.at) / 60
        ) - (%(message_quota)s - excluded.messages),
        payload_bytes = least(
            %(byte_quota)s,
            credit.payload_bytes + %(byte_quota)s * extract(epoch FROM greatest(credit.at, excluded.at) - credit.at) / 60
        ) - (%(byte_quota)s - excluded.payload_bytes),
        at = greatest(credit.at, excluded.at)
    RETURNING gateway_id, messages, payload_bytes
)
SELECT sent.name, debited.messages, debited.payload_bytes
FROM debited JOIN sent ON sent.id = debited.gateway_id
