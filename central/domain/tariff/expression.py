"""Formulas of a tariff: a closed grammar, parsed into a tree, never evaluated by Python.

    sum     := product (("+" | "-") product)*
    product := unary ("*" unary | "/" unary ["else" unary])*
    unary   := "-" unary | atom
    atom    := number | name | call | "(" sum ")"
    call    := name "(" argument ("," argument)* ")"
    argument := [word ":"] (months | sum)
    months  := month "-" month            only after `months:`

What follows `else` is the value of the quotient before it where its divisor is zero.

Names may be dotted (`kwh.total`). Functions: `max`, `min`, `sum` (of a series), and
`prior(determinant, months: 6-9, pct: 95)`, the largest metered value of that determinant in the
named calendar months among the months the state keeps, times the percent. `current` takes the same
arguments and gives this bill's own value where its month is among those named, and zero elsewhere.
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
_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)|(.))")
_ALL_MONTHS = tuple(range(1, 13))
_ELSE = "else"


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
    """`max(...)`, `min(...)` or `sum(series)`."""

    function: Literal["max", "min", "sum"]
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


Expression = Number | Name | Binary | Call | Prior


def names_in(expression: Expression) -> Iterator[str]:
    """Names that an expression reads now; those of `prior` and `sum` included."""
    match expression:
        case Name(name) | Prior(name):
            yield name
        case Binary():
            for operand in expression.operands:
                yield from names_in(operand)
        case Call(_, arguments):
            for argument in arguments:
                yield from names_in(argument)
        case Number():
            return


def priors_in(expression: Expression) -> Iterator[Prior]:
    """The `prior` calls of an expression."""
    match expression:
        case Prior():
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
        if function not in {"max", "min", "sum"}:
            raise self.error(f"{function!r} is not a function; use max, min, sum, prior or current")
        arguments = [self.sum(depth)]
        while self.peek() == ",":
            self.next()
            arguments.append(self.sum(depth))
        self.expect(")")
        if function == "sum":
            if len(arguments) != 1 or not isinstance(arguments[0], Name):
                raise self.error("sum takes the name of one series")
            return Call("sum", tuple(arguments))
        return Call("max" if function == "max" else "min", tuple(arguments))

    def prior(self, *, now: bool) -> Prior:
        name = self.next()
        if not (name[:1].isalpha() or name[:1] == "_"):
            raise self.error("prior takes the name of a determinant first")
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
        case Number() | Name() | Prior():
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
        case Number() | Name() | Prior():
            return
