"""A day block put into its table by hand, past the product."""

from __future__ import annotations

ATTACH = "SELECT day_block_attach('2026-10-01', '2026-10-01', '2026-11-20Z')"
INSERT = """\
WITH heading AS (
    INSERT INTO block_heading (zone, unit, period_s, exponent, start_ms, intervals, actor)
    VALUES ('UTC', 'Wh', 900, 0, 0, 1, 'vee') RETURNING id
)
INSERT INTO day_block (
    channel_id, made_at, day, version, heading_id, missing, estimated, zeros, edited, total,
    sha256, extremes, content
)
SELECT
    1, '2026-11-20Z', '2026-10-01', 1, id, 0, 0, 1, false, 0, sha256('x'), '\\x00000000', '\\x0000'
FROM heading
"""
"""A block of one interval of 1 October, which is zero."""
