"""Broken documents: each is refused under its own code, with file, line and remedy."""

# ruff: noqa: E501 - one broken document per line
from __future__ import annotations

import pytest

from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.refusal import Code, TariffRefusedError

HEAD = """\
tariff: t
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR}
"""
CALENDAR = """\
calendar:
  seasons: {summer: "06-01..09-30", winter: rest}
  days: {work: mon-fri, off: rest}
  periods: {P1: [{days: work, at: "08:00-20:00"}], P2: rest}
"""
KWH = "determinants: {kwh: {sum: import}, tou: {sum: import, by: period}, kw: {max: import}}\n"
FIXED = "charges: [{id: fixed, price: 1, per: day}]\n"
GOOD = HEAD + CALENDAR + KWH + FIXED


def with_charge(charge: str, needs: str = "") -> str:
    return HEAD + needs + CALENDAR + KWH + f"charges: [{charge}]\n"


def with_calendar(calendar: str) -> str:
    return HEAD + "calendar:\n  " + calendar + "\n" + FIXED


def with_steps(steps: str) -> str:
    return with_charge("{id: e, qty: kwh, steps: [" + steps + "]}")


BAD: list[tuple[str, Code, str]] = [
    ("open bracket", Code.SYNTAX, HEAD + "charges: [{id: a"),
    ("tab indent", Code.SYNTAX, HEAD + "calendar:\n\tseasons: {a: rest}\n" + FIXED),
    ("two documents", Code.SYNTAX, GOOD + "---\n" + GOOD),
    ("control character", Code.SYNTAX, GOOD + "title: a\x00b\n"),
    ("empty", Code.EMPTY, "# nothing\n"),
    ("list at the top", Code.WRONG_TYPE, "- a\n- b\n"),
    ("a word", Code.WRONG_TYPE, "tariff\n"),
    ("duplicate key", Code.DUPLICATE_KEY, GOOD + "zone: UTC\n"),
    ("duplicate inner key", Code.DUPLICATE_KEY, with_charge("{id: a, price: 1, price: 2}")),
    ("alias", Code.ALIAS, HEAD + "title: &a x\nclock: *a\n" + FIXED),
    ("tag", Code.TAG, HEAD + "title: !!python/name:os.system x\n" + FIXED),
    ("deep nesting", Code.OVERSIZE, HEAD + "title: " + "[" * 60 + "]" * 60 + "\n" + FIXED),
    ("nesting without end", Code.OVERSIZE, "[" * 100_000 + "]" * 100_000),
    ("unknown key", Code.UNKNOWN_KEY, GOOD + "prices: 1\n"),
    ("unknown key of a charge", Code.UNKNOWN_KEY, with_charge("{id: a, price: 1, per: day, x: 1}")),
    ("unknown calendar key", Code.UNKNOWN_KEY, with_calendar("months: 12")),
    ("no charges", Code.MISSING_KEY, HEAD),
    ("no zone", Code.MISSING_KEY, GOOD.replace("zone: Europe/Madrid\n", "")),
    ("empty charges", Code.NOTHING_TO_CHARGE, HEAD + "charges: []\n"),
    ("charge without id", Code.MISSING_KEY, with_charge("{price: 1, per: day}")),
    ("fixed without per", Code.MISSING_KEY, with_charge("{id: a, price: 1}")),
    ("what a fact says without per", Code.MISSING_KEY, with_charge("{id: a, qty: kva, price: 1}", "needs: {kva: kW}\n")),
    ("steps without quantity", Code.MISSING_KEY, with_charge("{id: a, steps: [{to: null, price: 1}]}")),
    ("charges as mapping", Code.WRONG_TYPE, HEAD + "charges: {id: a}\n"),
    ("charge as word", Code.WRONG_TYPE, with_charge("fixed")),
    ("null title", Code.WRONG_TYPE, GOOD + "title: null\n"),
    ("comma price", Code.NOT_A_NUMBER, with_charge('{id: a, price: "1,5", per: day}')),
    ("exponent price", Code.NOT_A_NUMBER, with_charge("{id: a, price: 1e3, per: day}")),
    ("nan price", Code.NOT_A_NUMBER, with_charge("{id: a, price: .nan, per: day}")),
    ("sexagesimal price", Code.NOT_A_NUMBER, with_charge("{id: a, price: 1:30, per: day}")),
    ("underscored price", Code.NOT_A_NUMBER, with_charge("{id: a, price: 1_000, per: day}")),
    ("too many digits", Code.OUT_OF_RANGE, HEAD.replace("EUR}", "EUR, digits: 9}") + FIXED),
    ("half a digit", Code.OUT_OF_RANGE, HEAD.replace("EUR}", "EUR, digits: 1.5}") + FIXED),
    ("descending band", Code.OUT_OF_RANGE, GOOD + "cycle: {full_days: [33, 27]}\n"),
    ("negative minimum", Code.OUT_OF_RANGE, GOOD + "minimums: [{id: m, of: [fixed], amount: -1}]\n"),
    ("american date", Code.NOT_A_DATE, GOOD.replace("2026-01-01", "01/02/2026")),
    ("impossible date", Code.NOT_A_DATE, GOOD.replace("2026-01-01", "2026-02-30")),
    ("week date", Code.NOT_A_DATE, GOOD.replace("2026-01-01", "2026-W01-1")),
    ("season without days", Code.NOT_A_DATE, with_calendar("seasons: {a: summer}")),
    ("day 31 of June", Code.NOT_A_DATE, with_calendar('seasons: {a: "06-31..07-01", b: rest}')),
    ("clock", Code.NOT_A_CHOICE, GOOD + "clock: summer\n"),
    ("per week", Code.NOT_A_CHOICE, with_charge("{id: a, price: 1, per: week}")),
    ("half even", Code.NOT_A_CHOICE, HEAD.replace("EUR}", "EUR, mode: half_even}") + FIXED),
    ("name with space", Code.BAD_NAME, with_charge("{id: a b, price: 1, per: day}")),
    ("name from a digit", Code.BAD_NAME, HEAD + "determinants: {1kwh: {sum: import}}\n" + FIXED),
    ("same id twice", Code.DUPLICATE_NAME, with_charge("{id: a, price: 1, per: day}, {id: a, price: 1, per: day}")),
    ("season named as period", Code.DUPLICATE_NAME, with_calendar("seasons: {P: rest}\n  periods: {P: rest}")),
    ("zone", Code.UNKNOWN_ZONE, GOOD.replace("Europe/Madrid", "Mars/Olympus")),
    ("currency", Code.UNKNOWN_CURRENCY, GOOD.replace("EUR", "euro")),
    ("currency of nobody", Code.UNKNOWN_CURRENCY, GOOD.replace("EUR", "ZZZ")),
    ("no currency", Code.UNKNOWN_CURRENCY, GOOD.replace("EUR", "XXX")),
    ("gold", Code.UNKNOWN_CURRENCY, GOOD.replace("EUR", "XAU")),
    ("holidays from nowhere", Code.MISSING_KEY, with_calendar("holidays: {observed: true}")),
    ("hours backwards", Code.BAD_TIME_RANGE, with_calendar('periods: {P1: [{at: "8-20"}], P2: rest}')),
    ("hour 25", Code.BAD_TIME_RANGE, with_calendar('periods: {P1: [{at: "20:00-25:00"}], P2: rest}')),
    ("minute 60", Code.BAD_TIME_RANGE, with_calendar('periods: {P1: [{at: "20:60-22:00"}], P2: rest}')),
    ("seasons overlap", Code.SEASONS_OVERLAP, with_calendar('seasons: {a: "01-01..06-30", b: "06-30..12-31"}')),
    ("season gap", Code.SEASONS_GAP, with_calendar('seasons: {a: "01-01..06-30"}')),
    ("leap day in no season", Code.SEASONS_GAP, with_calendar('seasons: {a: "01-01..02-28", b: "03-01..12-31"}')),
    ("sunday in no day type", Code.DAYS_GAP, with_calendar("days: {a: mon-sat}")),
    ("day type after rest", Code.UNREACHABLE_DAYS, with_calendar("days: {a: rest, b: mon}")),
    ("unknown weekday", Code.UNKNOWN_DAY_TYPE, with_calendar("days: {a: mon-fry, b: rest}")),
    ("periods overlap", Code.PERIODS_OVERLAP, with_calendar('periods: {a: [{at: "00:00-12:00"}], b: [{at: "11:00-24:00"}]}')),
    ("hours in no period", Code.PERIODS_GAP, with_calendar('periods: {a: [{at: "00:00-12:00"}]}')),
    ("two rests", Code.TWO_RESTS, with_calendar("periods: {a: rest, b: rest}")),
    ("unknown season in period", Code.UNKNOWN_SEASON, with_calendar("periods: {a: [{season: s}], b: rest}")),
    ("unknown day type in period", Code.UNKNOWN_DAY_TYPE, with_calendar("periods: {a: [{days: d}], b: rest}")),
    ("holidays not defined", Code.MISSING_KEY, with_calendar("days: {a: holidays, b: rest}")),
    ("unknown series", Code.UNKNOWN_SERIES, HEAD + "determinants: {k: {sum: imports}}\n" + FIXED),
    ("unknown schedule", Code.UNKNOWN_SCHEDULE, HEAD + "determinants: {k: {sum: import, by: tou}}\n" + FIXED),
    ("unknown determinant", Code.UNKNOWN_DETERMINANT, with_charge("{id: a, qty: kvar, price: 1}")),
    ("unknown period of quantity", Code.UNKNOWN_PERIOD, with_charge("{id: a, qty: tou.P9, price: 1}")),
    ("price of unknown period", Code.UNKNOWN_PERIOD, with_charge("{id: a, qty: tou, price: {P1: 1, P2: 2, P3: 3}}")),
    ("period without a price", Code.MISSING_PRICE, HEAD + 'calendar: {periods: {A: [{at: "00:00-12:00"}], B: rest}}\ndeterminants: {k: {sum: import, by: period}}\ncharges: [{id: a, qty: k, price: {A: 1}}]\n'),
    ("season without a price", Code.MISSING_PRICE, with_charge("{id: a, qty: kwh, price: {summer: 1}}")),
    ("no price at all", Code.MISSING_PRICE, with_charge("{id: a, qty: kwh}")),
    ("periods without a split", Code.PERIODS_NEED_A_SPLIT, with_charge("{id: a, qty: kwh, price: {P1: 1, P2: 2}}")),
    ("price and steps", Code.CONFLICT, with_charge("{id: a, qty: kwh, price: 1, steps: [{to: null, price: 1}]}")),
    ("tiers without steps", Code.CONFLICT, with_charge("{id: a, qty: kwh, price: 1, tiers: {kind: volume}}")),
    ("two kinds of determinant", Code.CONFLICT, HEAD + "determinants: {k: {sum: import, max: import}}\n" + FIXED),
    ("no kind of determinant", Code.MISSING_KEY, HEAD + "determinants: {k: {by: none}}\n" + FIXED),
    ("tiers descend", Code.TIERS_NOT_ASCENDING, with_steps("{to: 200, price: 1}, {to: 100, price: 2}, {to: null, price: 3}")),
    ("equal tiers", Code.TIERS_NOT_ASCENDING, with_steps("{to: 100, price: 1}, {to: 100, price: 2}, {to: null, price: 3}")),
    ("step after the last", Code.TIERS_NOT_ASCENDING, with_steps("{to: null, price: 1}, {to: 100, price: 2}")),
    ("last step has a bound", Code.TIERS_NOT_CLOSED, with_steps("{to: 100, price: 1}, {to: 200, price: 2}")),
    ("negative bound", Code.OUT_OF_RANGE, with_steps("{to: -1, price: 1}, {to: null, price: 2}")),
    ("bound in pounds", Code.TIER_UNIT, with_steps("{to: 1, unit: lb, price: 1}, {to: null, price: 2}")),
    ("bound per kW of nothing", Code.MISSING_KEY, with_steps("{to: 1, unit: kWh/kW, price: 1}, {to: null, price: 2}")),
    ("bound of something needless", Code.CONFLICT, with_steps("{to: 1, of: kw, price: 1}, {to: null, price: 2}")),
    ("step without price", Code.MISSING_PRICE, with_steps("{to: null}")),
    ("window of 7 minutes", Code.BAD_WINDOW, HEAD + "determinants: {k: {max: import, window: 7m}}\n" + FIXED),
    ("window in hours", Code.BAD_WINDOW, HEAD + "determinants: {k: {max: import, window: 1h}}\n" + FIXED),
    ("call to eval", Code.BAD_EXPRESSION, HEAD + 'determinants: {k: {expr: "eval(1)"}}\n' + FIXED),
    ("attribute", Code.BAD_EXPRESSION, HEAD + 'determinants: {k: {expr: "1 +"}}\n' + FIXED),
    ("unclosed", Code.BAD_EXPRESSION, HEAD + 'determinants: {k: {expr: "max(1, (2)"}}\n' + FIXED),
    ("power operator", Code.BAD_EXPRESSION, HEAD + 'determinants: {k: {expr: "9**9**9"}}\n' + FIXED),
    ("deep formula", Code.BAD_EXPRESSION, HEAD + 'determinants: {k: {expr: "' + "(" * 50 + "1" + ")" * 50 + '"}}\n' + FIXED),
    ("formula of itself", Code.CYCLE, HEAD + 'determinants: {k: {expr: "k + 1"}}\n' + FIXED),
    ("formula of a later one", Code.UNKNOWN_DETERMINANT, HEAD + 'determinants: {a: {expr: "b"}, b: {sum: import}}\n' + FIXED),
    ("percent of nothing", Code.NO_BASE, GOOD + "taxes: [{id: vat, percent: 21, point: interval}]\n"),
    ("percent of itself", Code.CYCLE, GOOD + "taxes: [{id: vat, percent: 21, of: [vat], point: interval}]\n"),
    ("tax of a later tax", Code.UNKNOWN_CHARGE, GOOD + "taxes: [{id: a, percent: 1, of: [b], point: interval}, {id: b, percent: 1, of: [fixed], point: interval}]\n"),
    ("minimum of unknown charge", Code.UNKNOWN_CHARGE, GOOD + "minimums: [{id: m, of: [x], amount: 1}]\n"),
    ("exemption by unknown fact", Code.UNKNOWN_FACT, with_charge("{id: a, price: 1, per: day, unless: exempt}")),
    ("exemption by a number", Code.WRONG_FACT_KIND, with_charge("{id: a, price: 1, per: day, unless: kva}", "needs: {kva: kW}\n")),
    ("quantity from a truth", Code.WRONG_FACT_KIND, with_charge("{id: a, qty: big, price: 1, per: day}", "needs: {big: bool}\n")),
    ("demand in unknown hours", Code.UNKNOWN_SERIES, HEAD + "determinants: {k: {max: import, during: peaks}}\n" + FIXED),
    ("steps of no season", Code.MISSING_PRICE, with_charge("{id: a, qty: kwh, steps: {}}")),
    ("price of nothing", Code.MISSING_PRICE, with_charge("{id: a, qty: kwh, price: {}}")),
    ("formula of an unknown period", Code.UNKNOWN_PERIOD, HEAD + CALENDAR + 'determinants: {kw: {max: import, by: period}, b: {expr: "max(5, kw.P9)"}}\n' + FIXED),
    ("ratchet of an unknown period", Code.UNKNOWN_PERIOD, HEAD + CALENDAR + 'determinants: {kw: {max: import, by: period}, b: {expr: "prior(kw.P9)"}}\n' + FIXED),
    ("bound of an unknown period", Code.UNKNOWN_PERIOD, with_steps("{to: 1, unit: kWh/kW, of: tou.P9, price: 1}, {to: null, price: 2}")),
    ("volume in order of time", Code.CONFLICT, with_charge("{id: a, qty: tou, tiers: {kind: volume, style: in_order}, steps: [{to: 9, price: 1}, {to: null, price: 2}]}")),
    ("packages of nothing", Code.CONFLICT, with_charge("{id: a, qty: kwh, tiers: {kind: package, size: 0}, steps: [{to: null, price: 2}]}")),
    ("a charge priced in two ways, by nothing known", Code.CONFLICT, with_charge("{id: a, qty: kwh, price: 1, times: spot}")),
    ("packages in order of time", Code.CONFLICT, with_charge("{id: a, qty: tou, tiers: {kind: package, size: 5, style: in_order}, steps: [{to: 9, price: 1}, {to: null, price: 2}]}")),
    ("stair by share of periods", Code.CONFLICT, with_charge("{id: a, qty: tou, tiers: {kind: stair}, steps: [{to: 9, price: {P1: 1, P2: 2}}, {to: null, price: 2}]}")),
    ("ratchet that keeps nothing", Code.MISSING_KEY, HEAD + 'determinants: {kw: {max: import}, b: {expr: "max(kw, prior(kw))"}}\n' + FIXED),
    ("state of a sum", Code.CONFLICT, GOOD.replace("kwh: {sum: import}", "kwh: {sum: import, side: use}") + "state: {kwh: {months: 12}}\n"),
    ("state of nothing", Code.UNKNOWN_DETERMINANT, GOOD + "state: {kva: {months: 12}}\n"),
    ("a series without sum", Code.UNKNOWN_SERIES, HEAD + 'determinants: {b: {expr: "2 * kvarh"}}\n' + FIXED),
    ("sum of a determinant", Code.UNKNOWN_SERIES, HEAD + 'determinants: {kwh: {sum: import}, b: {expr: "sum(kwh)"}}\n' + FIXED),
    ("both sides of intervals", Code.CONFLICT, HEAD + "determinants: {k: {sum: import, each: interval}}\n" + FIXED),
    ("a kept table with rows", Code.CONFLICT, HEAD + "tables: {t: {table: x, rows: [{from: 2026-01-01, values: 1}]}}\n" + FIXED),
    ("a table of nothing", Code.MISSING_KEY, HEAD + "tables: {t: {unit: EUR}}\n" + FIXED),
    ("a tax at two rates", Code.CONFLICT, with_charge("{id: a, price: 1, per: day}", "needs: {r: percent}\n") + "taxes: [{id: v, percent: 1, rate: r, of: all, point: interval}]\n"),
    ("a tax at no known rate", Code.UNKNOWN_FACT, with_charge("{id: a, price: 1, per: day}") + "taxes: [{id: v, rate: r, of: all, point: interval}]\n"),
    ("a parameter without a value", Code.PARAMETER_NOT_SET, HEAD + "parameters: {m: {kind: EUR}}\n" + FIXED),
    ("a parameter beyond its bounds", Code.OUT_OF_RANGE, HEAD + "parameters: {m: {kind: EUR, max: 1, values: [{from: 2026-01-01, value: 2}]}}\n" + FIXED),
    ("a parameter of another kind", Code.NOT_A_NUMBER, HEAD + "parameters: {m: {kind: EUR, values: [{from: 2026-01-01, value: dear}]}}\n" + FIXED),
    ("a parameter that is none of its choices", Code.OUT_OF_RANGE, HEAD + "parameters: {m: {kind: text, choices: [a, b], values: [{from: 2026-01-01, value: c}]}}\n" + FIXED),
    ("bounds of a text", Code.CONFLICT, HEAD + "parameters: {m: {kind: text, min: 1, values: [{from: 2026-01-01, value: c}]}}\n" + FIXED),
    ("dates of a parameter", Code.CONFLICT, HEAD + "parameters: {m: {kind: EUR, values: [{from: 2026-02-01, value: 2}, {from: 2026-01-01, value: 2}]}}\n" + FIXED),
    ("a parameter and a fact", Code.DUPLICATE_NAME, HEAD + "needs: {m: EUR}\nparameters: {m: {kind: EUR, values: [{from: 2026-01-01, value: 2}]}}\n" + FIXED),
    ("a list of banks", Code.WRONG_TYPE, GOOD + "needs: [kw]\n"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "text"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_broken_document_is_refused(code: Code, text: str) -> None:
    with pytest.raises(TariffRefusedError) as caught:
        load_tariff(text, file="bad.yaml")
    findings = caught.value.findings
    assert code in {finding.code for finding in findings}, findings
    for finding in findings:
        assert finding.file == "bad.yaml"
        assert 1 <= finding.line <= text.count("\n") + 1
        assert finding.message.endswith(".")
        assert finding.remedy


def test_there_are_enough_broken_documents_under_enough_codes() -> None:
    assert len(BAD) >= 60
    assert len({code for _, code, _ in BAD}) >= 20


def test_the_document_they_were_made_from_is_good() -> None:
    assert load_tariff(GOOD).tariff == "t"


def test_every_mistake_is_named_in_one_pass_with_its_line() -> None:
    text = HEAD + "charges:\n  - {id: a, price: x, per: day}\n  - {id: b, price: 1, per: week}\n"
    with pytest.raises(TariffRefusedError) as caught:
        load_tariff(text)
    assert [(f.line, f.code) for f in caught.value.findings] == [
        (6, Code.NOT_A_NUMBER),
        (7, Code.NOT_A_CHOICE),
    ]


def test_scalars_load_as_strings() -> None:
    document = load_tariff(GOOD.replace("tariff: t", "tariff: 1e3").replace("id: fixed", "id: no"))
    assert document.tariff == "1e3"
    assert document.charges[0].id == "no"
