"""Schedules by command, API and page, on a real server."""

from __future__ import annotations

import psycopg
import pytest

from tests.support.commands import Run, commands_on, printed_json
from tests.support.servers import Database


@pytest.fixture
def central(plain_migrated: Database, monkeypatch: pytest.MonkeyPatch) -> Run:
    return commands_on(plain_migrated, monkeypatch)


def test_schedules_are_kept_by_commands(central: Run, plain_migrated: Database) -> None:
    listed = central("schedule", "list").stdout
    assert "retry_held" in listed
    assert "daily at 02:00 UTC" in listed
    assert "NO_WORKER: retry_held" in listed
    why = ("--reason", "after the back-up")
    changed = central(
        "schedule", "set", "retry_held", "--at", "03:30", "--zone", "Asia/Tokyo", *why
    )
    assert changed.stdout == "retry_held: daily at 03:30 Asia/Tokyo.\n"
    north = ("set", "north", "--job", "bill_run", "--group", "north", "--day", "3", "--at", "04:00")
    added = central("schedule", *north, *why)
    assert added.stdout == "north: on day 3 of each month at 04:00 UTC, group north.\n"
    paused = printed_json(central("schedule", "pause", "north", *why, "--json"))
    assert (paused["name"], paused["paused"]) == ("north", True)
    assert "is paused" in central("schedule", "run", "north", *why, code=2).stderr
    assert "paused" not in central("schedule", "resume", "north", *why).stdout
    assert central("schedule", "run", "north", *why).stdout == "north: due now.\n"
    states = {row["name"]: row for row in printed_json(central("schedule", "list", "--json"))}
    assert states["north"]["group"] == "north"
    assert states["retry_held"]["in_zone"] == "Asia/Tokyo"
    assert "close_days" not in states, "there is no service point, and so no zone"
    back = central("schedule", "remove", "retry_held", *why)
    assert back.stdout == "retry_held: daily at 02:00 UTC.\n"
    assert central("schedule", "remove", "north", *why).stdout == "north: removed.\n"
    with psycopg.connect(plain_migrated.dsn, autocommit=True) as owner:
        rows = owner.execute(
            "SELECT action, subject, detail->'old', detail->'new', detail->>'reason'"
            " FROM audit_log WHERE action LIKE 'schedule.%' ORDER BY id"
        ).fetchall()
    assert [row[:2] for row in rows] == [
        ("schedule.changed", "retry_held"),
        *[("schedule.changed", "north")] * 3,
        ("schedule.asked_again", "north"),
        ("schedule.removed", "retry_held"),
        ("schedule.removed", "north"),
    ]
    old, new = {"at": "02:00", "zone": "UTC"}, {"at": "03:30", "zone": "Asia/Tokyo"}
    assert rows[0][2:] == (old, new, "after the back-up")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("set retry_held --at 25:00 --reason r", 2, "not a time of day"),
        ("set retry_held --zone Mars/Olympus --reason r", 2, "not an IANA time zone"),
        ("set retry_held --day 3 --reason r", 2, "is done every day"),
        ("set bill_run --reason r", 2, "is not a name of a schedule"),
        ("set mine --reason r", 2, "There is no job"),
        ("set mine --job retry_held --reason r", 2, "has one schedule, of its own name"),
        ("set a --job bill_run --zone  --reason r", 2, "Name a zone"),
        ("remove retry_held --reason r", 2, "Nobody changed"),
        ("pause retry_held --reason ", 2, "has no reason"),
        ("run nowhere --reason r", 2, "There is no schedule"),
    ],
)
def test_what_cannot_be_is_refused_by_name(central: Run, words: str, code: int, says: str) -> None:
    assert says in central("schedule", *words.split(" "), code=code).stderr
