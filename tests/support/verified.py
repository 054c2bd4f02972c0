"""What each meter model was verified by: the tables of the manual's page that say it.

    python -m tests.support.verified

writes them into the page.
"""

from __future__ import annotations

from collections.abc import Iterator

from firmware_bridge.dlms.list_files import shipped_lists
from firmware_bridge.modbus.profiles import load_profile, profile_names
from firmware_bridge.mqtt_native.mappings import mapping_names, shipped_mapping
from tests.support.data import REPOSITORY
from tests.unit.firmware_bridge.modbus.test_transcriptions import SECOND

PAGE = REPOSITORY / "docs" / "reference" / "verified-models.md"
TABLES = ("models", "mappings", "lists")


def renewed(page: str) -> str:
    """The page with its tables as files and tests say now."""
    for name, rows in zip(TABLES, (_models(), _mappings(), _lists()), strict=True):
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
        before, _, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        assert closed, name
        page = "".join((before, begin, *rows, end, after))
    return page


def _models() -> Iterator[str]:
    yield "| profile | meters | taken from | evidence | compared with |\n|---|---|---|---|---|\n"
    for name in profile_names():
        profile = load_profile(name)
        second = SECOND.get(name)
        reader = "-" if second is None else f"{second.reader}, {len(second.rows)} registers"
        yield (
            f"| `{name}` | {profile.manufacturer} {profile.model} | {profile.source} |"
            f" {profile.evidence} | {reader} |\n"
        )


def _mappings() -> Iterator[str]:
    yield "| mapping | devices | taken from |\n|---|---|---|\n"
    for name in mapping_names():
        devices = shipped_mapping(name)
        named = dict.fromkeys(device.name for device in devices)
        source = ", ".join(dict.fromkeys(device.source for device in devices))
        yield f"| `{name}` | {', '.join(named)} | {source} |\n"


def _lists() -> Iterator[str]:
    yield "| list | maker | members | taken from |\n|---|---|---|---|\n"
    for table in shipped_lists().lists:
        yield f"| {table.name} | {table.maker or '-'} | {len(table.members)} | {table.source} |\n"


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
