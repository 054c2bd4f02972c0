-- Who worked on a bill: one view for each way of working on it, united by `bill_contributor`. Whoever
-- adds a way makes a view `contributor_...` of (bill_id, actor, what) and unites them again.

-- The registry says by point what was recorded of meters.
CREATE INDEX registry_revision_installation ON registry_revision ((content ->> 'point'))
WHERE kind = 'installation';

-- What a part of a bill was made from, by the names and keys that others know it by.
CREATE VIEW contributing_part AS
SELECT
    bill_part.bill_id, bill_part.first_day, bill_part.end_day,
    bill_part.first_day::timestamp AT TIME ZONE 'UTC' - interval '1 day' AS begins_at,
    bill_part.end_day::timestamp AT TIME ZONE 'UTC' + interval '1 day' AS ends_at,
    bill_part.not_metered IS NOT FALSE AND NOT bill_part.settles AS not_metered,
    bill_part.series_revisions, bill_part.holiday_revisions,
    agreement.account_id, agreement.service_point_id, agreement.tariff_id,
    lower(agreement.during) AS agreed_from
FROM bill_part JOIN agreement ON agreement.id = bill_part.agreement_id;

CREATE VIEW contributor_maker AS
SELECT id AS bill_id, creator AS actor, 'made it' AS what FROM bill;

CREATE VIEW contributor_again AS
SELECT bill.id AS bill_id, again.actor, 'ran it again' AS what
FROM bill CROSS JOIN LATERAL unnest(bill.contributors) AS again (actor);

-- Who started the run of a bill has not worked on its credit note, nor on what is issued with that.
CREATE VIEW contributor_starter AS
SELECT bill.id AS bill_id, bill_run_starter.actor, 'started its run' AS what
FROM bill JOIN bill_run_starter ON bill_run_starter.run_id = bill.run_id
WHERE bill.decision IS NULL;

CREATE VIEW contributor_editor AS
SELECT part.bill_id, block_heading.actor, 'edited its days' AS what
FROM contributing_part AS part
JOIN point_channel ON point_channel.service_point_id = part.service_point_id
JOIN day_block ON day_block.channel_id = point_channel.id
    AND day_block.day >= part.first_day AND day_block.day < part.end_day AND day_block.edited
JOIN block_heading ON block_heading.id = day_block.heading_id;

CREATE VIEW contributor_acceptor AS
SELECT part.bill_id, vee_finding.accepted_by AS actor, 'accepted a finding of its days' AS what
FROM contributing_part AS part
JOIN point_channel ON point_channel.service_point_id = part.service_point_id
JOIN vee_finding ON vee_finding.channel_id = point_channel.id
    AND vee_finding.day >= part.first_day AND vee_finding.day < part.end_day
    AND vee_finding.accepted_by IS NOT NULL;

-- A conflict has an instant, so one of the day before or after counts as well, whichever zone it is.
CREATE VIEW contributor_conflict AS
SELECT part.bill_id, conflict.decided_by AS actor, 'decided a conflict of its readings' AS what
FROM contributing_part AS part
JOIN installation ON installation.service_point_id = part.service_point_id
JOIN channel ON channel.meter_id = installation.meter_id
JOIN conflict ON conflict.channel_id = channel.id AND conflict.decided_by IS NOT NULL
    AND conflict.at >= lower(installation.during)
    AND conflict.at <= coalesce(upper(installation.during), 'infinity')
    AND conflict.at >= part.begins_at AND conflict.at < part.ends_at;

-- A finding that was open while days of the part went by, or after, and held it.
CREATE VIEW contributor_hole AS
SELECT
    part.bill_id, finding.closed_by AS actor, 'answered for what its gateway never sent' AS what
FROM contributing_part AS part
JOIN installation ON installation.service_point_id = part.service_point_id
    AND installation.during && tstzrange(part.begins_at, part.ends_at)
JOIN meter ON meter.id = installation.meter_id
JOIN finding ON finding.gateway_id = meter.gateway_id
    AND finding.code IN ('LOST_RANGE', 'GAP', 'VOID_BATCH', 'QUARANTINE')
    AND finding.closed_by NOT LIKE 'job:%' AND finding.closed_at >= part.begins_at
WHERE part.not_metered;

CREATE VIEW contributor_money AS
SELECT ledger_use.bill_id, ledger_entry.actor, 'posted money that it consumes' AS what
FROM ledger_use JOIN ledger_entry ON ledger_entry.id = ledger_use.entry_id
WHERE ledger_use.part_id IS NOT NULL;

-- A bill that replaces another in one decision carries what that one carries until it is issued.
CREATE VIEW contributor_correction AS
SELECT bill.id AS bill_id, correction.decided_by AS actor, 'decided a correction that it carries' AS what
FROM bill
JOIN adjustment_use AS used ON used.line IS NOT NULL AND (
    used.bill_id = bill.id OR bill.decision IS NOT NULL AND used.bill_id = bill.replaces
)
JOIN adjustment ON adjustment.id = used.adjustment_id
JOIN correction ON correction.id = adjustment.correction_id;

-- What was entered before the days of a part began, others have been billed by as well. From then on,
-- whoever enters it works on the bill.
CREATE VIEW contributor_agreement AS
SELECT part.bill_id, said.recorded_by AS actor, 'entered its agreement or facts' AS what
FROM contributing_part AS part
JOIN account ON account.id = part.account_id
JOIN service_point ON service_point.id = part.service_point_id
JOIN registry_revision AS said ON said.kind = 'agreement'
    AND said.subject = account.number || ' at ' || service_point.name || ' from ' || part.agreed_from
    AND said.recorded_at >= part.begins_at;

CREATE VIEW contributor_registry AS
SELECT part.bill_id, said.recorded_by AS actor, 'changed its account' AS what
FROM contributing_part AS part
JOIN account ON account.id = part.account_id
JOIN registry_revision AS said ON said.kind = 'account' AND said.subject = account.number
    AND said.recorded_at >= part.begins_at
UNION ALL
SELECT part.bill_id, said.recorded_by, 'changed its service point'
FROM contributing_part AS part
JOIN service_point ON service_point.id = part.service_point_id
JOIN registry_revision AS said ON said.kind IN ('service_point', 'service')
    AND said.subject = service_point.name AND said.recorded_at >= part.begins_at;

CREATE VIEW contributor_installer AS
SELECT part.bill_id, said.recorded_by AS actor, 'entered a meter of its service point' AS what
FROM contributing_part AS part
JOIN service_point ON service_point.id = part.service_point_id
JOIN registry_revision AS said ON said.kind = 'installation'
    AND said.content ->> 'point' = service_point.name AND said.recorded_at >= part.begins_at
    AND (said.content ->> 'start')::timestamptz < part.ends_at
    AND coalesce((said.content ->> 'end')::timestamptz >= part.begins_at, true);

CREATE VIEW contributor_tariff AS
SELECT part.bill_id, tariff_version.added_by AS actor, 'entered a version of its tariff' AS what
FROM contributing_part AS part
JOIN tariff_version ON tariff_version.tariff_id = part.tariff_id
    AND tariff_version.added_at >= part.begins_at AND tariff_version.effective < part.end_day
UNION ALL
SELECT part.bill_id, holiday_calendar.recorded_by, 'changed the holidays of its tariff'
FROM contributing_part AS part
CROSS JOIN LATERAL jsonb_object_keys(part.holiday_revisions) AS stamped (name)
JOIN holiday_calendar ON holiday_calendar.name || ' ' || holiday_calendar.year = stamped.name
    AND holiday_calendar.recorded_at >= part.begins_at;

CREATE VIEW contributor_series AS
SELECT part.bill_id, series_day.actor, 'entered prices or factors of its days' AS what
FROM contributing_part AS part
CROSS JOIN LATERAL jsonb_object_keys(part.series_revisions) AS stamped (name)
JOIN series ON series.name = stamped.name
JOIN series_day ON series_day.series_id = series.id
    AND series_day.day >= part.first_day - 1 AND series_day.day <= part.end_day;

-- `bill_contributor` over all views of that form.
CREATE FUNCTION unite_contributors() RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW bill_contributor AS ' || (
        SELECT string_agg(
            format('SELECT bill_id, actor, what FROM %I', relname), ' UNION ALL ' ORDER BY relname
        )
        FROM pg_class
        WHERE relkind = 'v' AND relname LIKE 'contributor\_%' AND relnamespace = (
            SELECT relnamespace FROM pg_class WHERE oid = 'contributor_maker'::regclass
        )
    );
END
$$;
REVOKE ALL ON FUNCTION unite_contributors FROM PUBLIC;
SELECT unite_contributors();

CREATE OR REPLACE FUNCTION bill_contributors(wanted bigint) RETURNS TABLE (actor text, what text)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
SELECT actor, what FROM bill_contributor WHERE bill_id = wanted
$$;

-- Who worked on what a correction corrects, and so does not approve it: who decided it, and of the
-- account's bills from its first one on who worked on them, but for who made them.
CREATE OR REPLACE FUNCTION correction_contributors(wanted bigint)
RETURNS TABLE (actor text, what text)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
SELECT decided_by, 'decided it' FROM correction WHERE id = wanted
UNION
SELECT contributor.actor, contributor.what
FROM correction
JOIN bill AS first ON first.id = correction.from_bill_id
JOIN bill ON bill.account_id = correction.account_id AND bill.state = 'issued'
    AND bill.cancels IS NULL AND bill.end_day >= first.end_day
JOIN bill_contributor AS contributor ON contributor.bill_id = bill.id
WHERE correction.id = wanted
    AND contributor.what NOT IN ('made it', 'ran it again', 'started its run')
$$;
DROP FUNCTION adjusting_people;
