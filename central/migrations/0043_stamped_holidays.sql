-- As before, with the years of holidays.
CREATE OR REPLACE VIEW stamped_part AS
SELECT
    part.id, part.bill_id, part.occupancy_id, part.agreement_id, part.first_day, part.end_day,
    part.settles, newest.part_id IS NOT NULL AS noted,
    CASE WHEN newest.part_id IS NULL THEN part.point_revision ELSE newest.point_revision END
        AS point_revision,
    CASE WHEN newest.part_id IS NULL THEN part.account_revision ELSE newest.account_revision END
        AS account_revision,
    CASE WHEN newest.part_id IS NULL THEN part.tariff_revision ELSE newest.tariff_revision END
        AS tariff_revision,
    CASE WHEN newest.part_id IS NULL THEN part.settings_revision ELSE newest.settings_revision END
        AS settings_revision,
    CASE WHEN newest.part_id IS NULL THEN part.series_revisions ELSE newest.series_revisions END
        AS series_revisions,
    CASE
        WHEN newest.part_id IS NULL THEN part.other_tariff_revisions
        ELSE newest.other_tariff_revisions
    END AS other_tariff_revisions,
    CASE WHEN newest.part_id IS NULL THEN part.days_read ELSE newest.days_read END AS days_read,
    CASE WHEN newest.part_id IS NULL THEN part.not_metered ELSE newest.not_metered END
        AS not_metered,
    CASE WHEN newest.part_id IS NULL THEN part.looks_back_days ELSE newest.looks_back_days END
        AS looks_back_days,
    CASE WHEN newest.part_id IS NULL THEN part.holiday_revisions ELSE newest.holiday_revisions END
        AS holiday_revisions
FROM bill_part AS part
LEFT JOIN LATERAL (
    SELECT * FROM settled_stamp WHERE settled_stamp.part_id = part.id
    ORDER BY number DESC LIMIT 1
) AS newest ON true;
