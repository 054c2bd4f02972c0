"""Every table says how it answers as of a time, or stands here with the reason why it does not."""

from __future__ import annotations

import psycopg

from tests.support.servers import Database

TABLES = """\
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
"""
WITHOUT = {
    # Rows that say their own times and are never changed.
    "audit_log": "every row says when it was written",
    "audit_seal": "as the rows that it seals",
    "correction_candidate": "says when it was found and closed; nobody asks for those of a time",
    "correction_rule": "versions say when they were entered, approved and withdrawn",
    "document_template": "a text under its hash, for ever",
    "quarantine": "says when a batch came and was released",
    "reading_recorded": "is how readings answer",
    "legal_hold": "says when it was placed and lifted",
    "retention_floor": "says when it was raised; what it closes never changes again",
    "retention_receipt": "says when it was written, and is never changed",
    "retention_rule": "every row says when it was entered; the newest of a scope holds",
    "rejected": "counts what claims no place; kept within a bound",
    # What is only about work that waits or was done.
    "answer": "what a request with an idempotency key was answered; it expires",
    "alert_look": "when a rule was looked at last",
    "audit_unsealed": "rows that wait for their seal",
    "bill_question": "says when it was asked and answered; the texts go with the account",
    "bill_shard": "what a worker takes of a run",
    "changed_input": "inputs that wait to be compared",
    "compared_account": "with which revisions bills were compared; spares the next night a look",
    "finished_occupancy": "spares runs a look; deleted when something changes",
    "batch_signature": "as the batch that it is of",
    "gateway_signing_key": "says when it was registered and retired",
    "gateway_certificate": "says when it was given and revoked",
    "gateway_invitation": "says when it was given, claimed and withdrawn",
    "gateway_epoch": "how far a gateway's buffer has been received",
    "meter_seen": "when a meter was heard last",
    "night_job": "jobs of the nights",
    "date_told": "days that were told, so that none is told again; the notices say when",
    "invoice_delivery": "how far it is sent; it says when",
    "notice": "what waits to be told, and was; its attempts say when",
    "notice_delivery": "how far it is told; its attempts say when",
    "notice_secret": "what signs now",
    "search_entry": "words of names as they are now; a name's own table says what it was",
    "schedule": "when jobs are due",
    "touched": "days that wait for validation",
    "unbilled_stamp": "what accounts were when they were rated; spares the next night a look",
    "unclosed_days": "days that wait to be closed",
    "fiscal_record": "is never changed, and says when it was made",
    "fiscal_setting": "every row says when it was written; the newest holds",
    # Counters, whose value now says nothing of a time.
    "bill_series": "the next number of a series",
    "bill_tally": "sums of bills, summed again as of a time",
    "common_input": "a revision",
    "fiscal_chain": "how many records a chain has",
    # What must go when a person's values are erased.
    "api_key": "of which people; the audit log says what became of each",
    "person": "who signs in; the audit log says what became of each",
    "person_code": "what an invitation asks for; it expires",
    "person_identity": "who people are at a provider; the audit log says what became of each",
    "recovery_code": "what stands in for a second factor, once",
    "personal_value": "values of audit rows, until they are erased",
    # About the schema itself.
    "knowledge_begin": "since when there is a past",
    "knowledge_rule": "how tables answer",
    "queue_migration": "of the schema",
    "gateway_rate": "what gateways may send at this moment",
    "database_instance": "which database the rows are in now",
    "release_beside": "of the schema",
    "web_session": "who is signed in at the pages; every row says since when and until when",
    "schema_migration": "of the schema",
}


def tables_of(database: Database) -> tuple[set[str], set[str]]:
    """Names of all tables, and of those that a rule is about."""
    with psycopg.connect(database.dsn) as connection:
        found = connection.execute(TABLES).fetchall()
        ruled = connection.execute("SELECT relation FROM knowledge_rule WHERE kind <> 'view'")
        return {name for (name,) in found}, {name for (name,) in ruled.fetchall()}


def test_every_table_has_a_rule_or_a_reason(migrated: Database) -> None:
    tables, ruled = tables_of(migrated)
    assert tables - ruled - WITHOUT.keys() == set(), "add it to knowledge_rule, or above and why"
    assert (ruled | WITHOUT.keys()) - tables == set(), "gone: remove it"
    assert ruled & WITHOUT.keys() == set()


def test_every_rule_has_its_view_and_what_is_kept_its_past(migrated: Database) -> None:
    with psycopg.connect(migrated.dsn) as connection:
        without = connection.execute(
            "SELECT relation FROM knowledge_rule"
            " WHERE to_regclass('as_of.' || quote_ident(relation)) IS NULL"
            " OR kind = 'kept' AND to_regclass('past.' || quote_ident(relation)) IS NULL"
        ).fetchall()
    assert without == []


WATCHED = """\
SELECT relation, watched::text [], ARRAY(
    SELECT attname::text FROM pg_trigger
    JOIN pg_attribute ON attrelid = tgrelid AND attnum = ANY(tgattr)
    WHERE tgrelid = relation::regclass AND tgname = 'zz_keep_changed'
)
FROM knowledge_rule WHERE kind = 'kept'
"""
MIGRATES = """\
SET LOCAL meterline.migrating = 'on';
UPDATE knowledge_rule SET watched = watched || '{decided_by}' WHERE relation = 'suppressed_period';
SELECT drop_as_of();
SELECT keep_past(rule) FROM knowledge_rule AS rule WHERE kind = 'kept';
"""


def test_what_a_later_migration_watches_is_watched(migrated: Database) -> None:
    with psycopg.connect(migrated.dsn) as owner:
        for migrating in (False, True):
            if migrating:
                owner.execute(MIGRATES)
            rules = {row[0]: row[1:] for row in owner.execute(WATCHED).fetchall()}
            assert ("decided_by" in rules["suppressed_period"][0]) is migrating
            assert {
                relation: columns
                for relation, (columns, triggered) in rules.items()
                if sorted(columns) != sorted(triggered)
            } == {}
        owner.rollback()
