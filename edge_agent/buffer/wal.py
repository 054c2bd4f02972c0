"""The write-ahead log, looked at before SQLite reads it.

How it works. SQLite takes the first frame whose checksum fails for the end of the log, and drops
every transaction from there on without a word. That is right after a power cut and wrong after a
flipped bit. The two can be told apart: a commit is synchronised before the next one begins, so what
a power cut leaves behind a broken frame belongs to one transaction; two commits in a row behind it
prove damage, and the file is to be set aside. Before that, one flipped bit per frame is mended: the
checksum is a linear sum, so its error says whether one bit explains it, and mostly which.

Source: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from edge_agent.buffer.schema import PAGE_BYTES
from edge_agent.errors import BufferDamagedError, BufferUnavailableError
from firmware_bridge.durable_file import write_durably

_log = structlog.get_logger(__name__)

HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24
_FRAME_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES
_SUMMED_HEADER = 24
_MAGIC, _VERSION = 0x377F0682, 3_007_000
_WORD = 2**32 - 1
# Fewer commits than this behind a broken frame may be what a power cut left of one.
_PROOF = 2

_Sums = tuple[int, int]


def check_log(path: Path) -> None:
    """Mend a buffer's log, as a whole and durably.

    Args:
        path: The buffer file; nobody may have it open.

    Raises:
        BufferDamagedError: Committed transactions stand behind a frame that cannot be mended.
        BufferUnavailableError: The log cannot be read or written.
    """
    name = path.with_name(path.name + "-wal")
    try:
        if not name.exists():
            return
        log = _Log(bytearray(name.read_bytes()))
        behind = log.mend()
        if log.changed and behind < _PROOF:
            # A log that was mended by half would look like one that a power cut left.
            write_durably(name, bytes(log.data))
            _log.warning("log_mended", log=str(name))
    except OSError as error:
        message = f"The buffer's log {name} is unusable: {error.strerror}."
        raise BufferUnavailableError(
            message, value=str(name), remedy="Check the mount and the disk."
        ) from error
    if behind >= _PROOF:
        message = f"The buffer's log {name} is damaged: {behind} commits follow a broken frame."
        raise BufferDamagedError(message, value=behind)


class _Log:
    """A log in memory.

    Attributes:
        data: Its bytes, mended as far as possible.
        changed: Whether they were.
    """

    def __init__(self, data: bytearray) -> None:
        self.data = data
        self.changed = False

    def mend(self) -> int:
        """Mend what can be; how many commits stand behind a frame that could not be."""
        if len(self.data) < HEADER_BYTES:
            return 0
        sums = self._mend_header()
        if sums is None:
            self._order = "<" if sys.byteorder == "little" else ">"
            self._salt = bytes(self.data[HEADER_BYTES + 8 : HEADER_BYTES + 16])
            return self._commits_behind(HEADER_BYTES)
        # Where a flipped bit stays in a page, it and what follows is summed anew.
        present: _Sums | None = None
        for at in range(HEADER_BYTES, len(self.data) - _FRAME_BYTES + 1, _FRAME_BYTES):
            following, stays = self._mend_frame(at, sums)
            if following is None:
                return self._commits_behind(at)
            if stays or present is not None:
                present = _sums(self._words(at), present or sums)
                self._put(at + 16, struct.pack(">II", *present))
            sums = following
        return 0

    # --- the header ---

    def _mend_header(self) -> _Sums | None:
        """The sums that the first frame goes on from; None where the header is beyond repair."""
        if (sums := self._header_sums()) is not None:
            return sums
        frame = self.data[HEADER_BYTES + 8 : HEADER_BYTES + 16]
        for bit in range(HEADER_BYTES * 8):
            self.data[bit // 8] ^= 1 << bit % 8
            # Several flips may explain the checksum; the frames know the salt.
            if (sums := self._header_sums()) is not None and bytes(frame) in {b"", self._salt}:
                self.changed = True
                return sums
            self.data[bit // 8] ^= 1 << bit % 8
        return None

    def _header_sums(self) -> _Sums | None:
        magic, version, page = struct.unpack_from(">III", self.data)
        stored: _Sums = struct.unpack_from(">II", self.data, _SUMMED_HEADER)
        if (magic & ~1, version, page) != (_MAGIC, _VERSION, PAGE_BYTES):
            return None
        self._order = ">" if magic & 1 else "<"
        self._salt = bytes(self.data[16:24])
        words = struct.unpack_from(f"{self._order}6I", self.data)
        if _sums(words, (0, 0)) != stored:
            return None
        return stored

    # --- frames ---

    def _mend_frame(self, at: int, before: _Sums) -> tuple[_Sums | None, bool]:
        """The sums after a frame as it was written, None where they cannot be known.

        And whether a flipped bit stays in it.
        """
        words = self._words(at)
        found = _sums(words, before)
        stored: _Sums = struct.unpack_from(">II", self.data, at + 16)
        is_salted = self.data[at + 8 : at + 16] == self._salt
        if found == stored:
            return (found if is_salted or self._restore(at + 8, self._salt) else None), False
        if not is_salted:
            return None, False
        # A bit of a page's last word changes the sums as little as one of the checksum's own does.
        vouched_for = self._goes_on(at + _FRAME_BYTES, stored)
        if not vouched_for and self._restore(at + 16, struct.pack(">II", *found)):
            return found, False
        places = _flipped_bits(words, found, stored)
        if len(places) == 1:
            self._turn_word(at, *places[0])
        # High bits of several words weigh the same: then it stays, and is left to the row's hash.
        return (stored if places else None), len(places) > 1

    def _goes_on(self, at: int, before: _Sums) -> bool:
        """Whether the frame at that place is whole, and goes on from those sums."""
        if at + _FRAME_BYTES > len(self.data):
            return False
        stored: _Sums = struct.unpack_from(">II", self.data, at + 16)
        return _sums(self._words(at), before) == stored

    def _words(self, at: int) -> tuple[int, ...]:
        head = struct.unpack_from(f"{self._order}2I", self.data, at)
        page = struct.unpack_from(
            f"{self._order}{PAGE_BYTES // 4}I", self.data, at + FRAME_HEADER_BYTES
        )
        return head + page

    def _restore(self, at: int, right: bytes) -> bool:
        """Put bytes right that differ from what they should be by one bit."""
        error = int.from_bytes(right) ^ int.from_bytes(self.data[at : at + len(right)])
        if error.bit_count() != 1:
            return False
        self._put(at, right)
        return True

    def _turn_word(self, at: int, index: int, bit: int) -> None:
        # The page number and the size stand before the salts, the page behind them.
        place = at + 4 * index + (FRAME_HEADER_BYTES - 8 if index >= 2 else 0)  # noqa: PLR2004
        (word,) = struct.unpack_from(f"{self._order}I", self.data, place)
        self._put(place, struct.pack(f"{self._order}I", word ^ 1 << bit))

    def _put(self, at: int, right: bytes) -> None:
        self.data[at : at + len(right)] = right
        self.changed = True

    def _commits_behind(self, broken: int) -> int:
        """How many commits in a row stand behind a frame, each frame vouching for the next.

        What commits that failed have left there was written over from the same place each time, so
        no two of them are in a row.
        """
        most = in_a_row = 0
        before = None
        for at in range(broken, len(self.data) - _FRAME_BYTES + 1, _FRAME_BYTES):
            if self.data[at + 8 : at + 16] != self._salt and at != broken:
                before = None
                continue
            stored: _Sums = struct.unpack_from(">II", self.data, at + 16)
            if before is None or _sums(self._words(at), before) != stored:
                in_a_row = 0
            in_a_row += at != broken and any(self.data[at + 4 : at + 8])
            most, before = max(most, in_a_row), stored
        return most


def _sums(words: Sequence[int], before: _Sums) -> _Sums:
    first, second = before
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = first + even + second & _WORD
        second = second + odd + first & _WORD
    return first, second


def _flipped_bits(words: Sequence[int], found: _Sums, wanted: _Sums) -> list[tuple[int, int]]:
    """Which bits of which words would each explain alone that the sums are not as wanted."""
    missing = (wanted[0] - found[0] & _WORD, wanted[1] - found[1] & _WORD)
    places = []
    # What one more in the even and in the odd word of a pair adds to the sums, from the last pair.
    even, odd = (1, 1), (0, 1)
    for pair in range(len(words) // 2 - 1, -1, -1):
        for index, effect in ((2 * pair, even), (2 * pair + 1, odd)):
            bit = _explaining(words[index], effect, missing)
            if bit is not None:
                places.append((index, bit))
        even, odd = _earlier(even), _earlier(odd)
    return places


def _earlier(effect: _Sums) -> _Sums:
    first, second = effect
    return first + second & _WORD, first + 2 * second & _WORD


def _explaining(word: int, effect: _Sums, missing: _Sums) -> int | None:
    for bit in range(32):
        change = -(1 << bit) if word >> bit & 1 else 1 << bit
        if (change * effect[0] & _WORD, change * effect[1] & _WORD) == missing:
            return bit
    return None
