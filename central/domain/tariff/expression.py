"""Formulas of a tariff: a closed grammar, parsed into a tree, never evaluated by Python.

    sum     := product (("+" | "-") product)*
    product := unary ("*" unary | "/" unary ["else" unary])*
    unary   := "-" unary | atom
    atom    := number | name | call | "(" sum ")"
    call    := name "(" argument ("," argument)* ")"
    argument := [word ":"] (months | sum)
    months  := month "-" month            only after `months:` of prior and current

What follows `else` is the value of the quotient before it where its divisor is zero.

Names may be dotted (`kwh.total`). Functions: `max`, `min`, `sqrt`, `sum` (of a series), and
`prior(determinant, months: 6-9, pct: 95)`, the largest metered value of that determinant in the
named calendar months among the months the state keeps, times the percent. `current` takes the same
arguments and gives this bill's own value where its month is among those named, and zero elsewhere.
A root that is no fraction is cut off after 12 decimals; one of less than zero holds the bill.
`mean(determinant, months: 12, floor: 2.5)` is the mean of the months kept, this bill's the last of
so many, each at least the floor; `total` adds them up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from firmware_bridge.contract.errors import ConfigurationError

MAX_LENGTH = 4_000
MAX_NESTING = 20
MAX_MONTHS = 60
_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)|(.))")
_ALL_MONTHS = tuple(range(1, 13))
_ELSE = "else"
_FUNCTIONS = ("max", "min", "sqrt", "sum")


class ExpressionError(ConfigurationError):
    """A formula is not of the grammar."""

    code = "EXPRESSION"


@dataclass(frozen=True, slots=True)
class Number:
    """A constant."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Name:
    """A determinant, fact, series or factor."""

    name: str


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`.

    Args:
        operator: Between them.
        left: Operand.
        right: Operand.
        otherwise: What a quotient is where its divisor is zero; None where nothing is said.
    """

    operator: Literal["+", "-", "*", "/"]
    left: Expression
    right: Expression
    otherwise: Expression | None = None

    @property
    def operands(self) -> tuple[Expression, ...]:
        """All that it is computed from."""
        both = (self.left, self.right)
        return both if self.otherwise is None else (*both, self.otherwise)


@dataclass(frozen=True, slots=True)
class Call:
    """`max(...)`, `min(...)`, `sqrt(value)` or `sum(series)`."""

    function: Literal["max", "min", "sqrt", "sum"]
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Prior:
    """The largest earlier metered value of a determinant.

    Args:
        name: The determinant.
        months: Calendar months that count, 1 .. 12.
        percent: Share of it. [%]
        now: Whether it is the bill's own value, where its month counts, and else zero.
    """

    name: str
    months: tuple[int, ...]
    percent: Fraction
    now: bool = False


@dataclass(frozen=True, slots=True)
class Recent:
    """What the latest months of a determinant come to, this bill's among them.

    Args:
        name: The determinant.
        take: Their mean, or their total.
        months: How many, the month of this bill the last.
        floor: What a month counts at least, None for what it is.
    """

    name: str
    take: Literal["mean", "total"]
    months: int
    floor: Fraction | None = None


Expression = Number | Name | Binary | Call | Prior | Recent


def names_in(expression: Expression) -> Iterator[str]:
    """Names that an expression reads now; those of `prior`, `mean` and `sum` included."""
    match expression:
        case Name(name) | Prior(name) | Recent(name):
            yield name
        case Binary():
            for operand in expression.operands:
                yield from names_in(operand)
        case Call(_, arguments):
            for argument in arguments:
                yield from names_in(argument)
        case Number():
            return


def priors_in(expression: Expression) -> Iterator[Prior | Recent]:
    """What an expression reads of earlier months."""
    match expression:
        case Prior() | Recent():
            yield expression
        case Binary():
            for operand in expression.operands:
                yield from priors_in(operand)
        case Call(_, arguments):
            for argument in arguments:
                yield from priors_in(argument)
        case Number() | Name():
            return


def parse_expression(text: str) -> Expression:
    """Parse a formula.

    Raises:
        ExpressionError: The text is too long, nested too deeply, or not of the grammar.
    """
    if len(text) > MAX_LENGTH:
        message = f"The formula has more than {MAX_LENGTH} characters."
        raise ExpressionError(message, value=text[:80])
    parser = _Parser(text)
    expression = parser.sum(0)
    parser.expect("")
    return expression


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = [match.group(0).strip() for match in _TOKEN.finditer(text)]
        self.tokens = [token for token in self.tokens if token]
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def next(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def expect(self, token: str) -> None:
        found = self.next()
        if found != token:
            wanted = repr(token) if token else "the end"
            raise self.error(f"{wanted} is expected instead of {found or 'the end'!r}")

    def error(self, reason: str) -> ExpressionError:
        return ExpressionError(f"In {self.text!r}, {reason}.", value=self.text)

    def sum(self, depth: int) -> Expression:
        if depth > MAX_NESTING:
            raise self.error(f"parentheses nest deeper than {MAX_NESTING}")
        left = self.product(depth)
        while (token := self.peek()) in {"+", "-"}:
            self.next()
            right = self.product(depth)
            left = Binary("+" if token == "+" else "-", left, right)  # noqa: S105 - an operator
        return left

    def product(self, depth: int) -> Expression:
        left = self.unary(depth)
        while (token := self.peek()) in {"*", "/"}:
            self.next()
            right = self.unary(depth)
            if token == "*":  # noqa: S105 - an operator
                left = Binary("*", left, right)
            else:
                left = Binary("/", left, right, self.otherwise(depth))
        return left

    def otherwise(self, depth: int) -> Expression | None:
        if self.peek() != _ELSE:
            return None
        self.next()
        return self.unary(depth)

    def unary(self, depth: int) -> Expression:
        if self.peek() == "-":
            if depth > MAX_NESTING:
                raise self.error(f"signs nest deeper than {MAX_NESTING}")
            self.next()
            return Binary("-", Number(Fraction(0)), self.unary(depth + 1))
        return self.atom(depth)

    def atom(self, depth: int) -> Expression:
        token = self.next()
        if token == "(":  # noqa: S105 - a bracket
            inner = self.sum(depth + 1)
            self.expect(")")
            return inner
        if token[:1].isdigit():
            return Number(Fraction(token))
        if (token[:1].isalpha() or token[:1] == "_") and token != _ELSE:
            return self.call(token, depth + 1) if self.peek() == "(" else Name(token)
        raise self.error(f"a value is expected instead of {token or 'the end'!r}")

    def call(self, function: str, depth: int) -> Expression:
        self.expect("(")
        if function in {"prior", "current"}:
            return self.prior(now=function == "current")
        if function in {"mean", "total"}:
            return self.recent("mean" if function == "mean" else "total")
        if function not in _FUNCTIONS:
            names = ", ".join((*_FUNCTIONS, "mean", "total", "prior"))
            raise self.error(f"{function!r} is not a function; use {names} or current")
        arguments = [self.sum(depth)]
        while self.peek() == ",":
            self.next()
            arguments.append(self.sum(depth))
        self.expect(")")
        if function == "sum":
            if len(arguments) != 1 or not isinstance(arguments[0], Name):
                raise self.error("sum takes the name of one series")
            return Call("sum", tuple(arguments))
        if function == "sqrt":
            if len(arguments) != 1:
                raise self.error("sqrt takes one value")
            return Call("sqrt", tuple(arguments))
        return Call("max" if function == "max" else "min", tuple(arguments))

    def determinant(self, function: str) -> str:
        name = self.next()
        if not (name[:1].isalpha() or name[:1] == "_"):
            raise self.error(f"{function} takes the name of a determinant first")
        return name

    def recent(self, function: Literal["mean", "total"]) -> Recent:
        name = self.determinant(function)
        months, floor = len(_ALL_MONTHS), None
        while self.peek() == ",":
            self.next()
            word = self.next()
            self.expect(":")
            if word == "months":
                months = self.count_of_months()
            elif word == "floor":
                floor = self.number()
            else:
                raise self.error(f"{word!r} is not an argument of {function}; use months or floor")
        self.expect(")")
        return Recent(name, function, months, floor)

    def count_of_months(self) -> int:
        number = self.number()
        if number.denominator != 1 or not 1 <= number <= MAX_MONTHS:
            raise self.error(f"{number} is not a number of months from 1 to {MAX_MONTHS}")
        return int(number)

    def prior(self, *, now: bool) -> Prior:
        name = self.determinant("prior")
        months, percent = _ALL_MONTHS, Fraction(100)
        while self.peek() == ",":
            self.next()
            word = self.next()
            self.expect(":")
            if word == "months":
                months = self.months()
            elif word == "pct":
                percent = self.number()
            else:
                raise self.error(f"{word!r} is not an argument of prior; use months or pct")
        self.expect(")")
        return Prior(name, months, percent, now)

    def number(self) -> Fraction:
        token = self.next()
        if not token[:1].isdigit():
            raise self.error(f"a number is expected instead of {token or 'the end'!r}")
        return Fraction(token)

    def months(self) -> tuple[int, ...]:
        first = self.month()
        if self.peek() != "-":
            return (first,)
        self.next()
        last = self.month()
        length = (last - first) % 12 + 1
        return tuple((first + offset - 1) % 12 + 1 for offset in range(length))

    def month(self) -> int:
        number = self.number()
        if number.denominator != 1 or not 1 <= number <= 12:  # noqa: PLR2004 - months of a year
            raise self.error(f"{number} is not a month")
        return int(number)


def calls_in(expression: Expression) -> Iterator[Call]:
    """The function calls of an expression, outermost first."""
    match expression:
        case Call(_, arguments):
            yield expression
            for argument in arguments:
                yield from calls_in(argument)
        case Binary():
            for operand in expression.operands:
                yield from calls_in(operand)
        case Number() | Name() | Prior() | Recent():
            return


def quotients_in(expression: Expression) -> Iterator[Binary]:
    """The divisions of an expression, outermost first."""
    match expression:
        case Binary(operator):
            if operator == "/":
                yield expression
            for operand in expression.operands:
                yield from quotients_in(operand)
        case Call(_, arguments):
            for argument in arguments:
                yield from quotients_in(argument)
        case Number() | Name() | Prior() | Recent():
            return
