"""The intervals that an exception is about, with those beside them, as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from xml.sax.saxutils import escape, quoteattr

from central.dashboard.language import Language
from central.dashboard.present import DASH
from central.service.ports.evidence import EvidenceRow

_WIDTH, _HEIGHT, _FOOT = 720, 150, 18
_METERED = frozenset({"actual", "power_failure"})


def draw_intervals(rows: Sequence[EvidenceRow], language: Language) -> str | None:
    """Bars of intervals; those that the exception is about stand on a shade.

    Args:
        rows: Intervals of evidence: at, value, unit, quality, within.
        language: Of the page.

    Returns:
        An SVG document; None where there are no intervals.
    """
    if not rows:
        return None
    title = language.gettext(
        "The intervals and those beside them; the shade marks what it is about."
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f"aria-label={quoteattr(title)}>"
    )
    parts = [
        head,
        f"<title>{escape(title)}</title>",
        *_bars(rows, language),
        "</svg>",
    ]
    return "\n".join(parts)


def _bars(rows: Sequence[EvidenceRow], language: Language) -> Iterator[str]:
    values = [Decimal(row["value"] or 0) for row in rows]
    highest = max([*map(abs, values), Decimal(1)])
    plot, pitch = _HEIGHT - _FOOT, _WIDTH // len(rows)
    for number, (row, value) in enumerate(zip(rows, values, strict=True)):
        x, height = number * pitch, int(abs(value) * (plot - 6) / highest)
        at, quality = row["at"] or "", row["quality"] or ""
        if row["within"]:
            yield f'<rect class="shade" x="{x}" y="0" width="{pitch}" height="{plot}"/>'
        kind = "actual" if quality in _METERED else "estimated"
        text = f"{at[11:16]} UTC: {language.numeral(row['value'] or DASH)} {row['unit']}"
        if row["value"] is None:
            kind, height = "gap", plot
        yield (
            f'<rect class="{kind}" x="{x + 1}" y="{plot - height}" width="{max(pitch - 2, 1)}" '
            f'height="{height}"><title>{escape(text)}</title></rect>'
        )
        if number % 8 == 0:
            yield (f'<text class="tick" x="{x}" y="{_HEIGHT - 4}">{escape(at[11:16])}</text>')
