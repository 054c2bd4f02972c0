"""From the text of a tariff to a document, or to the reasons why not."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Literal, cast

from central.domain.tariff.calendar_rules import Clock
from central.domain.tariff.credit_rules import EnergyBank, MoneyBank
from central.domain.tariff.determinant_rules import (
    Determinant,
    FormulaDeterminant,
    History,
    MaxDeterminant,
)
from central.domain.tariff.document import (
    ChangeRules,
    Charge,
    Currency,
    CycleRules,
    Minimum,
    Percent,
    TariffDocument,
)
from central.domain.tariff.expression import priors_in
from central.domain.tariff.load.banks import load_banks
from central.domain.tariff.load.calendar import load_calendar
from central.domain.tariff.load.charges import load_charges, load_minimums, load_riders, load_taxes
from central.domain.tariff.load.commitments import load_commitments, load_settlement
from central.domain.tariff.load.determinants import BUILT_IN_INPUTS, load_determinants, load_inputs
from central.domain.tariff.load.fields import (
    FieldReader,
    Report,
    date_of,
    fields_of,
    id_of,
    items_of,
    text_of,
    whole_of,
)
from central.domain.tariff.load.prices import Scope
from central.domain.tariff.load.series import load_series
from central.domain.tariff.load.yaml_source import Node, parse
from central.domain.tariff.refusal import Code
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import zone_info

_CURRENCY = re.compile(r"[A-Z]{3}")


_HEADING = frozenset(
    [
        "tariff",
        "effective",
        "zone",
        "clock",
        "title",
        "currency",
        "quantities",
        "cycle",
        "on_change",
    ]
)


def load_tariff(source: str | Path, *, file: str | None = None) -> TariffDocument:
    """Load a tariff document.

    Args:
        source: The text, or the path of the file to read.
        file: Name for findings; by default the file's, or `tariff`.

    Raises:
        TariffRefusedError: The document is refused; it says every reason, each with its line.
        OSError: The file cannot be read.

    Source: docs/reference/tariffs/schema.json
    """
    if isinstance(source, Path):
        text = source.read_text(encoding="utf-8")
        name = file or source.name
    else:
        text, name = source, file or "tariff"
    report = Report(name)
    node = parse(text, name)
    document: TariffDocument | None = None
    with report.item():
        document = _document(node, report)
    report.raise_if_any()
    if document is None:
        raise AssertionError
    return document


def _document(node: Node, report: Report) -> TariffDocument:
    reader = FieldReader(node, "", report)
    document = TariffDocument(
        tariff="", effective=date.min, zone="UTC", clock="wall", currency=Currency("XXX", 2)
    )
    reader.taken |= _HEADING  # A heading that is refused half-way leaves keys that are known.
    with report.item():
        document = _heading(reader, document, report)
    needs: dict[str, str] = {}
    if (found := reader.take("needs")) is not None:
        with report.item():
            needs = {
                name: text_of(child, f"needs.{name}", report)
                for name, child in fields_of(found, "needs", report)
            }
    inputs: dict[str, str] = {}
    with report.item():
        inputs = load_inputs(reader.take("inputs"), report)
    calendar = load_calendar(reader.take("calendar"), report)
    units = BUILT_IN_INPUTS | inputs
    series, prices = load_series(reader.take("series"), units, needs, report)
    scope = Scope(
        calendar, needs, {}, {}, frozenset(rule.name for rule in prices), frozenset(units)
    )
    determinants: tuple[Determinant, ...] = ()
    if (found := reader.take("determinants")) is not None:
        determinants = load_determinants(found, scope, units, series, report)
    history: tuple[History, ...] = ()
    with report.item():
        history = _history(reader.take("state"), scope, report)
        _peaks_are_kept(determinants, history, reader, report)
    charges = load_charges(reader.need("charges"), "charges", scope, report)
    riders: tuple[Charge | Percent, ...] = ()
    minimums: tuple[Minimum, ...] = ()
    taxes: tuple[Percent, ...] = ()
    if (found := reader.take("riders")) is not None:
        riders = load_riders(found, scope, report)
    energy_banks, money_banks = load_banks(reader.take("banks"), determinants, scope, report)
    if (found := reader.take("minimums")) is not None:
        minimums = load_minimums(found, scope, _year_end(energy_banks, money_banks), report)
    commitments = load_commitments(reader.take("commitments"), scope, report)
    if (found := reader.take("taxes")) is not None:
        taxes = load_taxes(found, scope, report)
    settlement = load_settlement(reader.take("settlement"), scope, report)
    reader.done()
    if not charges and not report.findings:
        report.note(
            Code.NOTHING_TO_CHARGE, reader.line, "charges", "There is no charge.", "Add one."
        )
    return replace(
        document,
        inputs=tuple(inputs.items()),
        needs=tuple(needs.items()),
        history=history,
        calendar=calendar,
        series=series,
        prices=prices,
        determinants=determinants,
        charges=charges,
        riders=riders,
        energy_banks=energy_banks,
        money_banks=money_banks,
        minimums=minimums,
        commitments=commitments,
        taxes=taxes,
        settlement=settlement,
    )


def _year_end(energy: tuple[EnergyBank, ...], money: tuple[MoneyBank, ...]) -> int | None:
    """The month in which the banks are settled, None where there is no one month."""
    rules = [bank.true_up for bank in energy] + [bank.true_up for bank in money]
    months = {rule.month for rule in rules if rule is not None}
    return months.pop() if len(months) == 1 else None


def _heading(reader: FieldReader, document: TariffDocument, report: Report) -> TariffDocument:
    tariff = id_of(reader.need("tariff"), "tariff", report)
    effective = date_of(reader.need("effective"), "effective", report)
    zone = reader.need("zone")
    zone_name = text_of(zone, "zone", report)
    try:
        zone_info(zone_name)
    except InvalidValueError as error:
        report.refuse(Code.UNKNOWN_ZONE, zone.line, "zone", error.message, "Use an IANA name.")
    clock = cast("Clock", reader.choice("clock", ("wall", "standard"), "wall"))
    return replace(
        document,
        tariff=tariff,
        effective=effective,
        zone=zone_name,
        clock=clock,
        title=reader.text("title"),
        currency=_currency(reader.need("currency"), report),
        quantities=_quantities(reader.take("quantities"), report),
        cycle=_cycle(reader.take("cycle"), report),
        on_change=_on_change(reader.take("on_change"), report),
    )


def _currency(node: Node, report: Report) -> Currency:
    reader = FieldReader(node, "currency", report)
    code = reader.text("code") or ""
    if not _CURRENCY.fullmatch(code):
        message = f"{code!r} is no currency."
        report.refuse(
            Code.UNKNOWN_CURRENCY, node.line, "currency.code", message, "Use ISO 4217 letters."
        )
    digits = reader.whole("digits", 0, 4, default=2)
    reader.choice("mode", ("half_up",), "half_up")
    reader.done()
    return Currency(code, digits)


def _quantities(node: Node | None, report: Report) -> tuple[tuple[str, int], ...]:
    if node is None:
        return ()
    return tuple(
        (unit, whole_of(child, f"quantities.{unit}", report, 0, 9))
        for unit, child in fields_of(node, "quantities", report)
    )


def _cycle(node: Node | None, report: Report) -> CycleRules:
    if node is None:
        return CycleRules()
    reader = FieldReader(node, "cycle", report)
    band = None
    if (found := reader.take("full_days")) is not None:
        bounds = [
            whole_of(child, "cycle.full_days", report, 1, 400)
            for child in items_of(found, "cycle.full_days", report)
        ]
        if len(bounds) != 2 or bounds[0] > bounds[1]:  # noqa: PLR2004 - two ends
            message = "A band has two ends that ascend."
            report.refuse(
                Code.OUT_OF_RANGE, found.line, "cycle.full_days", message, "Write [27, 33]."
            )
        band = (bounds[0], bounds[1])
    text = reader.choice("normal_days", ("30", "365/12", "cycle"), "30")
    daily = reader.choice("daily", ("days", "month"), "days")
    reader.done()
    normal = None if text == "cycle" else Fraction(text)
    return CycleRules(band, normal, cast("Literal['days', 'month']", daily))


def _on_change(node: Node | None, report: Report) -> ChangeRules:
    if node is None:
        return ChangeRules()
    reader = FieldReader(node, "on_change", report)
    reader.choice("energy", ("segment",), "segment")
    thresholds = reader.choice("thresholds", ("days_share", "whole"), "days_share")
    peaks = ("segment_peak_days_share", "bill_peak")
    demand = reader.choice("demand", peaks, "segment_peak_days_share")
    reader.done()
    return ChangeRules(
        cast("Literal['days_share', 'whole']", thresholds),
        cast("Literal['segment_peak_days_share', 'bill_peak']", demand),
    )


def _peaks_are_kept(
    determinants: tuple[Determinant, ...],
    history: tuple[History, ...],
    reader: FieldReader,
    report: Report,
) -> None:
    """What is kept is a month's peak, and what `prior` reads is kept."""
    metered = {
        rule.name for rule in determinants if isinstance(rule, MaxDeterminant) and not rule.daily
    }
    for entry in history:
        if entry.name not in metered:
            message = f"{entry.name!r} is no peak of the month, so that nothing is kept of it."
            report.refuse(
                Code.CONFLICT, reader.line, f"state.{entry.name}", message, "Name a `max`."
            )
    kept = {entry.name for entry in history}
    for rule in determinants:
        for prior in priors_in(rule.expr) if isinstance(rule, FormulaDeterminant) else ():
            base = prior.name.partition(".")[0]
            if not prior.now and base not in kept:
                message = f"prior({prior.name}) reads earlier peaks, but none are kept."
                remedy = f"Add `state: {{{base}: {{months: 12}}}}`."
                report.refuse(
                    Code.MISSING_KEY, reader.line, f"determinants.{rule.name}", message, remedy
                )


def _history(node: Node | None, scope: Scope, report: Report) -> tuple[History, ...]:
    if node is None:
        return ()
    found = []
    for name, child in fields_of(node, "state", report):
        path = f"state.{name}"
        reader = FieldReader(child, path, report)
        if name not in scope.units:
            message = f"{name!r} is no determinant."
            report.refuse(Code.UNKNOWN_DETERMINANT, child.line, path, message, "Define it first.")
        months = reader.whole("months", 1, 60, default=12)
        missing = reader.choice("missing", ("ignore", "hold"), "ignore")
        reader.done()
        found.append(History(name, months, cast("Literal['ignore', 'hold']", missing)))
    return tuple(found)
