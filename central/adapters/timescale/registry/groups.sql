-- name: groups
SELECT named_group.name, named_group.of, count(group_member.group_id)
FROM named_group LEFT JOIN group_member ON group_member.group_id = named_group.id
GROUP BY named_group.id ORDER BY named_group.name

-- name: group
SELECT name, of FROM named_group WHERE name = %(name)s

-- name: hold_group
SELECT id FROM named_group WHERE name = %(name)s FOR UPDATE

-- name: add_group
INSERT INTO named_group (name, of) VALUES (%(name)s, %(of)s)

-- name: memberships
SELECT coalesce(service_point.name, account.number), from_day, end_day
FROM group_member
JOIN named_group ON named_group.id = group_member.group_id
LEFT JOIN service_point ON service_point.id = group_member.service_point_id
LEFT JOIN account ON account.id = group_member.account_id
WHERE named_group.name = %(group)s
ORDER BY 1, 2

-- name: memberships_of
-- By the key of the member, whatever the size of the group is.
SELECT %(member)s, from_day, end_day
FROM named_group
JOIN group_member ON group_member.group_id = named_group.id
    AND group_member.member_id = CASE named_group.of
        WHEN 'point' THEN (SELECT id FROM service_point WHERE name = %(member)s)
        ELSE (SELECT id FROM account WHERE number = %(member)s)
    END
WHERE named_group.name = %(group)s
ORDER BY from_day

-- name: add_membership
INSERT INTO group_member (group_id, of, service_point_id, account_id, from_day, end_day)
SELECT
    named_group.id, named_group.of,
    CASE named_group.of
        WHEN 'point' THEN (SELECT id FROM service_point WHERE name = %(member)s)
    END,
    CASE named_group.of WHEN 'account' THEN (SELECT id FROM account WHERE number = %(member)s) END,
    %(first)s, %(end)s
FROM named_group WHERE named_group.name = %(group)s

-- name: end_membership
UPDATE group_member SET end_day = %(end)s
FROM named_group
WHERE named_group.id = group_id AND named_group.name = %(group)s AND from_day = %(first)s
    AND member_id = CASE named_group.of
        WHEN 'point' THEN (SELECT id FROM service_point WHERE name = %(member)s)
        ELSE (SELECT id FROM account WHERE number = %(member)s)
    END

-- name: drop_membership
DELETE FROM group_member USING named_group
WHERE named_group.id = group_id AND named_group.name = %(group)s AND from_day = %(first)s
    AND member_id = CASE named_group.of
        WHEN 'point' THEN (SELECT id FROM service_point WHERE name = %(member)s)
        ELSE (SELECT id FROM account WHERE number = %(member)s)
    END

-- name: scope_is_known
SELECT
    %(group)s::text IS NULL OR EXISTS (SELECT FROM named_group WHERE name = %(group)s),
    %(account)s::text IS NULL OR EXISTS (SELECT FROM account WHERE number = %(account)s)

-- name: accounts_in_scope
-- Accounts of a run that is narrowed to a group or an account, by key.
SELECT account.id FROM account
WHERE (%(account)s::text IS NULL OR account.number = %(account)s)
    AND (
        %(group)s::text IS NULL
        OR account.id IN (
            SELECT coalesce(group_member.account_id, agreement.account_id)
            FROM group_member
            JOIN named_group ON named_group.id = group_member.group_id
            LEFT JOIN agreement ON agreement.service_point_id = group_member.service_point_id
                AND lower(agreement.during) <= %(day)s
            WHERE named_group.name = %(group)s AND group_member.from_day <= %(day)s
                AND (group_member.end_day IS NULL OR group_member.end_day > %(day)s)
        )
    )
ORDER BY account.id
