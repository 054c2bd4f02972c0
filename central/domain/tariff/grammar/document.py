"""The document: every key of it, in the order in which it is read and written."""

from __future__ import annotations

from datetime import time
from fractions import Fraction
from typing import NoReturn

from central.domain.currency import digits_of
from central.domain.metering.day_start import day_start_text, read_day_start
from central.domain.tariff.calendar_rules import CalendarRules
from central.domain.tariff.credit_rules import EnergyBank, MoneyBank
from central.domain.tariff.document import (
    ChangeRules,
    Currency,
    CycleRules,
    PublishedFigures,
    Series,
    TariffDocument,
)
from central.domain.tariff.grammar.banks import BANKS, check_banks_are_known
from central.domain.tariff.grammar.calendar import CALENDAR
from central.domain.tariff.grammar.charges import CHARGE, MINIMUM, RIDER, TAX
from central.domain.tariff.grammar.commitments import COMMITMENT
from central.domain.tariff.grammar.cursor import Cursor
from central.domain.tariff.grammar.determinants import (
    DETERMINANTS,
    HISTORY,
    check_peaks_are_kept,
)
from central.domain.tariff.grammar.kind import (
    DATE,
    FLAG,
    ID,
    TEXT,
    TEXTS,
    Kind,
    list_shape,
    one_of,
    read_text,
    whole,
    words,
)
from central.domain.tariff.grammar.lookup import TABLES
from central.domain.tariff.grammar.parameters import PARAMETERS
from central.domain.tariff.grammar.record import Record, Row, list_of, named, pairs
from central.domain.tariff.grammar.series import SERIES
from central.domain.tariff.grammar.settlement import SETTLEMENT
from central.domain.tariff.grammar.state import TAKES_OVER, check_what_is_taken_over
from central.domain.tariff.grammar.without_effect import check_bank_order, check_taxes
from central.domain.tariff.input_units import BUILT_IN_INPUTS
from central.domain.tariff.parts_of_months import shares_months
from central.domain.tariff.refusal import Code
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import MIDNIGHT, zone_info

_DAYS_OF_CYCLE = whole(1, 400)
_UNKNOWN_DIGITS = 2


def _read_zone(cursor: Cursor) -> str:
    name = read_text(cursor)
    try:
        zone_info(name)
    except InvalidValueError as error:
        cursor.refuse(Code.UNKNOWN_ZONE, error.message, "Use an IANA name.")
    return name


def _read_day_start(cursor: Cursor) -> time:
    text = read_text(cursor)
    try:
        return read_day_start(text)
    except InvalidValueError as error:
        cursor.refuse(Code.BAD_TIME_RANGE, error.message, "Write it as 06:00.")


DAY_START = Kind(
    _read_day_start,
    day_start_text,
    {"type": "string", "pattern": r"^(0\d|1[01]):[0-5]\d$", "description": "Before noon"},
)
ZONE = Kind(_read_zone, str, {"type": "string", "description": "IANA time zone"})


def _read_currency(cursor: Cursor) -> str:
    code = read_text(cursor)
    if digits_of(code) is None:
        cursor.record.field("code").note(*_unknown_currency(code), line=cursor.record.line)
    return code


def _no_currency(currency: Cursor) -> NoReturn:
    currency.field("code").refuse(*_unknown_currency(""), line=currency.line)


def _unknown_currency(code: str) -> tuple[Code, str, str]:
    message = f"{code!r} is not a currency of ISO 4217."
    return Code.UNKNOWN_CURRENCY, message, "Use its three letters, as EUR or COP."


def _own_digits(currency: Cursor) -> None:
    """A line is rounded to the currency's own decimals where the tariff says no others."""
    if not currency.has("digits") and "code" not in currency.values.refused:
        digits = digits_of(currency.values["code"])
        currency.values["digits"] = _UNKNOWN_DIGITS if digits is None else digits


SOURCE = Record(
    PublishedFigures,
    (
        Row("of", TEXTS, required=True),
        Row("address", TEXT, required=True),
        Row("date", DATE, required=True),
        Row("note", TEXT),
    ),
)

CODE = Kind(_read_currency, str, {"type": "string", "pattern": "^[A-Z]{3}$"})

CURRENCY = Record(
    Currency,
    (
        Row("code", CODE, required=True, absent=_no_currency),
        Row("digits", whole(0, 4), always=True, then=_own_digits),
        Row("mode", one_of("half_up"), in_model=False),
    ),
)


def _read_band(cursor: Cursor) -> tuple[int, ...]:
    bounds = tuple(int(str(_DAYS_OF_CYCLE.read(item))) for item in cursor.items())
    if len(bounds) != 2 or bounds[0] > bounds[1]:  # noqa: PLR2004 - two ends
        message = "A band needs two ends in ascending order."
        cursor.refuse(Code.OUT_OF_RANGE, message, "Write [27, 33].")
    return bounds


def _write_band(bounds: tuple[int, int]) -> list[str]:
    return [str(bound) for bound in bounds]


BAND = Kind(
    _read_band,
    _write_band,
    list_shape(_DAYS_OF_CYCLE.shape) | {"minItems": 2, "maxItems": 2},
)
_NORMAL_DAYS = {"30": Fraction(30), "365/12": Fraction(365, 12), "cycle": None}

CYCLE = Record(
    CycleRules,
    (
        Row("full_days", BAND),
        Row("normal_days", words(_NORMAL_DAYS, also=(30,)), default=Fraction(30), always=True),
        Row("daily", one_of("days", "month"), default="days"),
    ),
)

_PEAKS = ("segment_peak_days_share", "bill_peak")

ON_CHANGE = Record(
    ChangeRules,
    (
        Row("energy", one_of("segment"), in_model=False),
        Row("thresholds", one_of("days_share", "whole"), default="days_share"),
        Row("demand", one_of(*_PEAKS), default=_PEAKS[0]),
    ),
)


def _register_inputs(document: Cursor) -> None:
    inputs = dict(document.values["inputs"])
    for name in inputs:
        if name in BUILT_IN_INPUTS:
            cursor = document.field("inputs")
            line = cursor.field(name).line
            cursor.refuse(Code.DUPLICATE_NAME, f"{name!r} is built in.", "Remove it.", line=line)
    document.scope.series |= inputs


def _register_needs(document: Cursor) -> None:
    document.scope.needs |= dict(document.values["needs"])


def _register_digits(document: Cursor) -> None:
    document.scope.currency_digits = document.values["currency"].digits


def _some_series(document: TariffDocument) -> object:
    return document if document.series or document.prices else ()


def _all_banks(document: TariffDocument) -> object:
    return (*document.energy_banks, *document.money_banks)


def _make_document(document: Cursor) -> TariffDocument:
    values = DOCUMENT.attributes(document)
    series, banks = values.pop("series"), values.pop("banks")
    return TariffDocument(
        **values,
        series=tuple(entry for entry in series if isinstance(entry, Series)),
        prices=tuple(entry for entry in series if not isinstance(entry, Series)),
        energy_banks=tuple(bank for bank in banks if isinstance(bank, EnergyBank)),
        money_banks=tuple(bank for bank in banks if isinstance(bank, MoneyBank)),
    )


def _check_charges(document: Cursor) -> None:
    if not document.values["charges"] and not document.report.findings:
        message = "The tariff has no charge."
        document.inside("charges", document.node).refuse(
            Code.NOTHING_TO_CHARGE, message, "Add one."
        )


def _check_days_of_month(document: Cursor) -> None:
    """What is charged for a part of a month needs the days that a month has."""
    if document.field("cycle").has("normal_days"):
        return
    values, rules = document.values, tuple(document.scope.determinants.values())
    lines = [*values["charges"], *values["riders"], *values["banks"], *values["minimums"]]
    for line in lines:
        if shares_months(line, values["cycle"], values["on_change"], rules):
            name = line.name if isinstance(line, MoneyBank) else line.id
            message = f"{name!r} counts parts of a month, and no key says how many days it has."
            remedy = "Add `cycle: {normal_days: cycle}` for those of the period, or 30 or 365/12."
            document.field("cycle").note(Code.NO_DAYS_OF_MONTH, message, remedy)
            return


DOCUMENT = Record(
    TariffDocument,
    (
        Row("tariff", ID, required=True),
        Row("title", TEXT),
        Row("sources", list_of(SOURCE), default=()),
        Row("illustrative", FLAG, default=False),
        Row("effective", DATE, required=True),
        Row("zone", ZONE, required=True),
        Row("day_start", DAY_START, default=MIDNIGHT),
        Row("clock", one_of("wall", "standard"), default="wall"),
        Row("currency", CURRENCY, required=True, then=_register_digits),
        Row("quantities", pairs(whole(0, 9)), default=()),
        Row("cycle", CYCLE, default=CycleRules(), always=True),
        Row("on_change", ON_CHANGE, default=ChangeRules()),
        Row("inputs", pairs(TEXT), default=(), then=_register_inputs),
        Row("needs", pairs(TEXT), default=(), then=_register_needs),
        Row("parameters", PARAMETERS, default=()),
        Row("tables", TABLES, default=()),
        Row("calendar", CALENDAR, default=CalendarRules(), ends=True),
        Row("series", SERIES, default=(), get=_some_series, ends=True),
        Row("determinants", DETERMINANTS, default=(), ends=True),
        Row(
            "state",
            named(HISTORY),
            default=(),
            attribute="history",
            then=check_peaks_are_kept,
        ),
        Row("charges", list_of(CHARGE, alone=True), required=True, ends=True),
        Row("riders", list_of(RIDER, alone=True), default=(), ends=True),
        Row("banks", BANKS, default=(), get=_all_banks, then=check_banks_are_known, ends=True),
        Row("minimums", list_of(MINIMUM, alone=True), default=(), ends=True),
        Row("commitments", list_of(COMMITMENT, alone=True), default=()),
        Row("taxes", list_of(TAX, alone=True), default=(), then=check_taxes),
        Row("settlement", SETTLEMENT, default=()),
        Row("takes_over", TAKES_OVER, default=(), then=check_what_is_taken_over),
        Row("bank_order", one_of("lapse", "listed"), default="lapse", then=check_bank_order),
    ),
    checks=(_check_charges, _check_days_of_month),
    make=_make_document,
)
