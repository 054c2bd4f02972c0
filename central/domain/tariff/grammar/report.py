"""Collecting what is wrong with a document."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from central.domain.tariff.refusal import REFUSED_LATER, Code, TariffFinding, TariffRefusedError


class StopReadingError(Exception):
    """What is being read cannot be read further; the finding is in the report."""


class Report:
    """Collects findings, so that one pass over a document names them all.

    Args:
        file: Name of the document.
        kept: Whether it was accepted before; what only later releases refuse is no finding then.
    """

    def __init__(self, file: str, *, kept: bool = False) -> None:
        self.file = file
        self._kept = kept
        self.findings: list[TariffFinding] = []

    def note(self, code: Code, line: int, path: str, message: str, remedy: str) -> None:
        """Add a finding and go on."""
        if not (self._kept and code in REFUSED_LATER):
            self._add(code, line, path, message, remedy)

    def refuse(self, code: Code, line: int, path: str, message: str, remedy: str) -> NoReturn:
        """Add a finding and leave the item being read, which nothing goes on without."""
        self._add(code, line, path, message, remedy)
        raise StopReadingError

    def _add(self, code: Code, line: int, path: str, message: str, remedy: str) -> None:
        self.findings.append(TariffFinding(code, self.file, line, path, message, remedy))

    @contextmanager
    def item(self) -> Iterator[None]:
        """What stops inside does not keep the items after it from being read."""
        try:
            yield
        except StopReadingError:
            return

    def raise_if_any(self) -> None:
        """Refuse the document where something was found.

        Raises:
            TariffRefusedError: There are findings.
        """
        if self.findings:
            ordered = sorted(self.findings, key=lambda finding: (finding.line, finding.path))
            raise TariffRefusedError(ordered)
