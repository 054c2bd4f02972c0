"""Credit banks of energy and of money."""

from __future__ import annotations

from decimal import Decimal
from typing import cast

from central.domain.tariff.credit_rules import EnergyBank, MoneyBank, TrueUp
from central.domain.tariff.determinant_rules import SumDeterminant
from central.domain.tariff.grammar.cursor import Cursor
from central.domain.tariff.grammar.kind import (
    NUMBER,
    TEXT,
    TEXTS,
    Kind,
    map_shape,
    one_of,
    read_entries,
    read_name,
    read_number,
    read_text,
    read_texts,
    whole,
)
from central.domain.tariff.grammar.names import CONDITIONS, GIVEN_PRICES, PRICE_SERIES, SERIES
from central.domain.tariff.grammar.node import Fields
from central.domain.tariff.grammar.prices import PRICES, SEASONAL_STEPS, TIERS
from central.domain.tariff.grammar.record import Record, Row, named, variants
from central.domain.tariff.grammar.scope import Quantity
from central.domain.tariff.grammar.state import ENERGY_AT_END, MONEY_AT_END, OWNER
from central.domain.tariff.grammar.without_effect import check_expiry
from central.domain.tariff.price_rules import TierRules
from central.domain.tariff.refusal import Code
from central.domain.tariff.state_rules import LAPSE

Map = tuple[tuple[str, str], ...]

TRUE_UP = Record(
    TrueUp,
    (
        Row("month", whole(1, 12), default=12, always=True),
        Row("pay", NUMBER, default=Decimal(0), always=True),
    ),
)


def _read_pay(cursor: Cursor) -> Decimal | tuple[tuple[str, Decimal], ...]:
    """One price, or one of each period of the determinant that feeds the bank."""
    if not isinstance(cursor.node, Fields):
        return read_number(cursor)
    entries, labels = read_entries(cursor), cursor.scope.labels(_feeder(cursor.record.record).by)
    if {entry.key for entry in entries} != labels:
        message = "A true-up by period has a price for each period of the determinant."
        cursor.refuse(Code.UNKNOWN_PERIOD, message, "Price its periods, or write one price.")
    return tuple((entry.key, read_number(entry)) for entry in entries)


def _write_pay(pay: Decimal | tuple[tuple[str, Decimal], ...]) -> object:
    if isinstance(pay, Decimal):
        return NUMBER.write(pay)
    return {label: NUMBER.write(price) for label, price in pay}


def _check_one_price(true_up: Cursor) -> None:
    values = true_up.values
    if values["series"] is not None and values["pay"]:
        message = "The true-up is priced in two ways."
        true_up.refuse(Code.CONFLICT, message, "Keep `pay` or `series`.")


PAY = Kind(_read_pay, _write_pay, {"anyOf": [NUMBER.schema, map_shape(NUMBER.schema)]})
ENERGY_TRUE_UP = Record(
    TrueUp,
    (
        Row("month", whole(1, 12), default=12, always=True),
        Row("pay", PAY, default=Decimal(0), always=True),
        Row("series", GIVEN_PRICES),
        Row("into", TEXT),
    ),
    checks=(_check_one_price,),
)


def _feeder(bank: Cursor) -> SumDeterminant:
    """The one determinant whose part below zero the bank keeps."""
    rules = bank.scope.determinants.values()
    sums = [rule for rule in rules if isinstance(rule, SumDeterminant) and rule.bank == bank.key]
    if len(sums) != 1:
        message = f"The bank {bank.key!r} is fed by {len(sums)} determinants."
        bank.refuse(Code.CONFLICT, message, "Let one determinant name it.")
    return sums[0]


def _check_feeder(bank: Cursor) -> None:
    _feeder(bank)


def _read_maps(cursor: Cursor) -> tuple[tuple[str, Map], ...]:
    labels = cursor.scope.labels(_feeder(cursor.record).by)
    entries = read_entries(cursor)
    if {entry.key for entry in entries} & cursor.scope.seasons:
        return tuple((entry.key, _read_map(entry, labels)) for entry in entries)
    return (("", _read_map(cursor, labels)),) if entries else ()


def _read_map(cursor: Cursor, labels: frozenset[str]) -> Map:
    pairs = []
    for entry in read_entries(cursor):
        source, target = entry.key, read_text(entry)
        unknown = [source] if source not in labels else []
        unknown += [target] if target not in labels | {LAPSE} else []
        for label in unknown:
            message = f"{label!r} is not a period of the determinant."
            cursor.refuse(Code.UNKNOWN_PERIOD, message, "Map its periods.", line=entry.line)
        pairs.append((source, target))
    return tuple(pairs)


def _write_maps(maps: tuple[tuple[str, Map], ...]) -> object:
    by_season = {season: dict(pairs) for season, pairs in maps}
    return by_season.get("", by_season)


_WORDS = map_shape({"type": "string"})
MAPS = Kind(_read_maps, _write_maps, {"anyOf": [_WORDS, map_shape(_WORDS)]})


def _check_repeats(bank: Cursor) -> None:
    """What the determinant says already may be said here again, but nothing else."""
    feeder = _feeder(bank)
    for key, text in (("earn", feeder.name), ("by", feeder.by or "none")):
        repeated = bank.values[key]
        if repeated not in {None, text}:
            message = f"The determinant says {text!r}, not {repeated!r}."
            remedy = f"Write {text}, or drop it."
            bank.field(key).refuse(Code.CONFLICT, message, remedy, line=bank.line)


def _check_true_up(bank: Cursor) -> None:
    true_up = bank.values["true_up"]
    if true_up is None:
        return
    if bank.values["basis"] == "total" and not isinstance(true_up.pay, Decimal):
        message = "A credit of all periods together has one price."
        bank.field("true_up").refuse(Code.CONFLICT, message, "Write one `pay`.", line=bank.line)
    if true_up.series is not None and bank.values["at_end"] is None:
        message = "Nothing says what is left is worth where no day is billed."
        remedy = "Add `at_end: {pay: ...}`."
        bank.field("true_up").refuse(Code.MISSING_KEY, message, remedy, line=bank.line)


def _unit_of_energy(bank: EnergyBank) -> str:
    del bank
    return "kWh"


ENERGY_BANK = Record(
    EnergyBank,
    (
        Row(
            "unit",
            one_of("kWh"),
            required=True,
            in_model=False,
            get=_unit_of_energy,
            then=_check_feeder,
        ),
        Row("map", MAPS, default=()),
        Row("basis", one_of("period", "total"), default="period"),
        Row("true_up", ENERGY_TRUE_UP),
        Row("earn", TEXT, in_model=False),
        Row("by", TEXT, in_model=False),
        ENERGY_AT_END,
        OWNER,
    ),
    checks=(_check_repeats, _check_true_up),
    named=True,
)


def _read_earned(cursor: Cursor) -> str:
    name = read_name(cursor)
    if cursor.record.has("times"):
        return str(SERIES.read(cursor))
    if name not in cursor.scope.units:
        message = f"{name!r} is not a determinant."
        line = cursor.record.line
        cursor.refuse(Code.UNKNOWN_DETERMINANT, message, "Define it first.", line=line)
    return name


def _price_by_earned(bank: Cursor) -> None:
    name, scope = bank.values["earn"] or "", bank.scope
    bank.quantity = Quantity(name, scope.units.get(name, ""), scope.splits.get(name, ""))


def _earns(bank: Cursor) -> bool:
    return bank.values["earn"] is not None


def _earns_one_price(bank: Cursor) -> bool:
    return _earns(bank) and not bank.has("steps") and not bank.has("times")


def _has_steps(bank: Cursor) -> bool:
    return bool(bank.values["steps"])


def _read_offsets(cursor: Cursor) -> tuple[str, ...]:
    names = read_texts(cursor)
    for name in names:
        if name not in cursor.scope.lines:
            message = f"{name!r} is not a charge and not a rider."
            line = cursor.record.line
            cursor.refuse(Code.UNKNOWN_CHARGE, message, "Name charges.", line=line)
    return names


def _word_of_expiry(bank: MoneyBank) -> str | None:
    return "bill" if bank.expires_months == 0 else None


def _months_of_expiry(bank: MoneyBank) -> int | None:
    return bank.expires_months or None


def _check_one_way_to_earn(bank: Cursor) -> None:
    if bank.has("times") and bank.has("steps"):
        message = "The bank earns in two ways."
        bank.refuse(Code.CONFLICT, message, "Keep one of price, steps and times.")


def _check_expiry(bank: Cursor) -> None:
    if bank.values["expires"] == "bill":
        if bank.values["when"] == "next_bill" or bank.values["expires_months"]:
            message = "Credit that expires with its bill pays no other."
            remedy = "Drop `when` and `expires_months`, or `expires: bill`."
            bank.field("expires").refuse(Code.CONFLICT, message, remedy, line=bank.line)
        bank.values["expires_months"] = 0
    if bank.values["expires"] == "true_up" and bank.values["true_up"] is None:
        message = "Credit expires at a true-up that the bank does not have."
        bank.refuse(Code.CONFLICT, message, "Add `true_up: {month: 4}`.")


MONEY_BANK = Record(
    MoneyBank,
    (
        Row("unit", one_of("money"), in_model=False),
        Row("earn", Kind(_read_earned, str, TEXT.shape), then=_price_by_earned, ends=True),
        Row("price", PRICES, required=True, when=_earns_one_price),
        Row("steps", SEASONAL_STEPS, default=(), when=_earns),
        Row("tiers", TIERS, default=TierRules(), when=_has_steps),
        Row("offsets", Kind(_read_offsets, list, TEXTS.shape), required=True),
        Row("when", one_of("this_bill", "next_bill"), default="this_bill"),
        Row("order", one_of("oldest"), in_model=False),
        Row("true_up", TRUE_UP),
        Row(
            "expires",
            one_of("true_up", "never", "bill"),
            in_model=False,
            get=_word_of_expiry,
        ),
        Row("expires_months", whole(1, 600), get=_months_of_expiry),
        MONEY_AT_END,
        OWNER,
        *CONDITIONS,
        Row("times", PRICE_SERIES, when=_earns),
    ),
    checks=(_check_one_way_to_earn, check_expiry, _check_expiry),
    named=True,
)


def _of_unit(cursor: Cursor) -> Record:
    if cursor.key in cursor.scope.lines:
        message = f"{cursor.key!r} is already taken."
        cursor.refuse(Code.DUPLICATE_NAME, message, "Choose another name.")
    if not cursor.has("unit"):
        return MONEY_BANK
    return ENERGY_BANK if UNIT.read(cursor.field("unit")) == "kWh" else MONEY_BANK


UNIT = one_of("kWh", "money")
_ANY = variants(ENERGY_BANK, MONEY_BANK, pick=_of_unit)


def _read_bank(cursor: Cursor) -> EnergyBank | MoneyBank:
    bank = cast("EnergyBank | MoneyBank", _ANY.read(cursor))
    cursor.scope.lines |= {bank.name, f"{bank.name}_settlement"}
    return bank


BANKS = named(Kind(_read_bank, _ANY.write, _ANY.shape), alone=True)


def check_banks_are_known(document: Cursor) -> None:
    """Every bank that a determinant feeds is there; and whether all are settled in one month."""
    banks = document.values["banks"]
    months = {bank.true_up.month for bank in banks if bank.true_up is not None}
    document.scope.true_up_month = months.pop() if len(months) == 1 else None
    _check_takers(document)
    energy_banks = {bank.name for bank in banks if isinstance(bank, EnergyBank)}
    line = document.field("banks").line if document.has("banks") else 1
    for rule in document.scope.determinants.values():
        if isinstance(rule, SumDeterminant) and rule.bank and rule.bank not in energy_banks:
            path = f"determinants.{rule.name}"
            message = f"{rule.bank!r} is not an energy bank."
            document.report.note(Code.UNKNOWN_BANK, line, path, message, "Define it in banks.")


def _check_takers(document: Cursor) -> None:
    """What a true-up is worth goes into a bank of money that the tariff has."""
    banks = document.values["banks"]
    money = {bank.name for bank in banks if isinstance(bank, MoneyBank)}
    for bank in banks:
        into = None if bank.true_up is None else bank.true_up.into
        if into is not None and into not in money:
            message = f"{into!r} is not a money bank."
            line, path = document.field("banks").line, f"banks.{bank.name}.true_up"
            document.report.note(Code.UNKNOWN_BANK, line, path, message, "Define it in banks.")
