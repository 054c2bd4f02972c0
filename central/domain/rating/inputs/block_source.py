"""Which versions of which day blocks a determinant was computed from."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

from central.domain.rating.inputs.interval_weights import Runs


class BlockSource(NamedTuple):
    """Day blocks of one channel that a determinant was computed from.

    Args:
        series: Input the channel feeds (`import`, `export`, ...).
        channel_id: The channel.
        first: First local day.
        end: The local day after the last.
        versions: Version of each day's block, ascending by day.
        sha256: Hex digest over the blocks' hashes, in order.
        factor: What its values are multiplied by: -1 for export in a net.
        weights: What each is multiplied by as well: (offset, length, weight) in steps from the
            first interval, zero elsewhere; empty for one everywhere.
    """

    series: str
    channel_id: int
    first: date
    end: date
    versions: tuple[int, ...]
    sha256: str
    factor: Fraction = Fraction(1)
    weights: Runs = ()

    def block_versions(self) -> dict[tuple[int, date], int]:
        """Version of each block, by channel and local day."""
        return {
            (self.channel_id, self.first + timedelta(days=number)): version
            for number, version in enumerate(self.versions)
        }

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        said = {
            "series": self.series,
            "channel_id": self.channel_id,
            "first": self.first.isoformat(),
            "end": self.end.isoformat(),
            "versions": list(self.versions),
            "sha256": self.sha256,
            "factor": str(self.factor),
        }
        if self.weights:
            said["weights"] = [[*run[:2], str(run[2])] for run in self.weights]
        return said

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> BlockSource:
        """The source that `to_json` wrote."""
        return cls(
            value["series"],
            value["channel_id"],
            date.fromisoformat(value["first"]),
            date.fromisoformat(value["end"]),
            tuple(value["versions"]),
            value["sha256"],
            Fraction(value.get("factor", "1")),
            tuple((offset, length, Fraction(w)) for offset, length, w in value.get("weights", ())),
        )
