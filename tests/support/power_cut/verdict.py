"""Whether a buffer still is what its agent was told, after any power cut.

The recorded program said after each commit what the file held then, as one digest. Wherever the
power goes, the buffer must open as exactly the last of these states, or as the one whose commit was
under way. Between damage that the program did on purpose and the end of its salvage, every reading
must be there once, each batch with the hash that it had.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from uuid import UUID

from edge_agent.buffer.buffer import Buffer
from firmware_bridge.contract.errors import MeterlineError
from tests.support.power_cut import contents
from tests.support.power_cut.contents import BUFFER, GATEWAY, T0, cycle, moment
from tests.support.power_cut.trace import Mark, Trace

LATER = 100_000


@dataclass(frozen=True, slots=True)
class Expected:
    """What may be found after a cut at one point of a trace.

    Args:
        chapter: What was going on.
        states: The digests that are right; empty while the file is damaged on purpose.
        readings: Which must be there then.
        hashes: Of the batches that were there then, by epoch and sequence.
    """

    chapter: str
    states: frozenset[str]
    readings: frozenset[int] = frozenset()
    hashes: dict[str, str] = field(default_factory=dict)


def expectations(trace: Trace) -> list[Expected]:
    """For each number of operations that were begun before the cut."""
    following = _following(trace)
    found = []
    chapter, before, damaged = "", following[0], False
    readings: frozenset[int] = frozenset()
    hashes: dict[str, str] = {}
    for at, after in enumerate(following):
        if damaged:
            found.append(Expected(chapter, frozenset(), readings, hashes))
        else:
            found.append(Expected(chapter, frozenset((before, after))))
        operation = trace[at] if at < len(trace) else None
        if isinstance(operation, Mark):
            said = operation.said
            chapter = said.get("chapter", chapter)
            before = said.get("committed", before)
            damaged = (damaged or "damaged" in said) and "salvaged" not in said
            if "readings" in said:
                readings, hashes = frozenset(said["readings"]), said["hashes"]
    return found


def _following(trace: Trace) -> list[str]:
    """The digest of the next commit after each point; of the last one at the end."""
    digests = [op.said.get("committed") if isinstance(op, Mark) else None for op in trace]
    following = next(digest for digest in reversed(digests) if digest)
    found = [following]
    for digest in reversed(digests):
        following = digest or following
        found.append(following)
    return found[::-1]


async def judge(folder: Path, expected: Expected, *, again: bool) -> str | None:
    """What is wrong with a buffer, or None.

    Args:
        folder: As the power cut left it.
        expected: What may be in it.
        again: Whether to close and open it once more in the end.
    """
    try:
        wrong = await _use(folder, expected)
        return await _use_again(folder, expected) if again and wrong is None else wrong
    except MeterlineError as error:
        return error.message


async def _use(folder: Path, expected: Expected) -> str | None:
    buffer = await open_buffer(folder, expected)
    try:
        return await _inspect(buffer, expected) or await _goes_on(buffer)
    finally:
        await buffer.close()


async def _use_again(folder: Path, expected: Expected) -> str | None:
    buffer = await open_buffer(folder, expected)
    try:
        found = await contents.readings(buffer)
    finally:
        await buffer.close()
    missing = {reading.mantissa for reading in cycle(LATER, 2).readings} - found.keys()
    return "what was stored afterwards is gone" if missing else None


async def open_buffer(folder: Path, expected: Expected) -> Buffer:
    """Open what is there, as the agent does when the power is back."""
    # The first epoch of a file that was never complete is called as the recorded one was.
    names = count(1 if expected.states else LATER)
    return await Buffer.open(folder / BUFFER, GATEWAY, T0, new_id=lambda: UUID(int=next(names)))


async def _inspect(buffer: Buffer, expected: Expected) -> str | None:
    state = await contents.digest(buffer.engine.database)
    found = await contents.readings(buffer)
    if expected.states:
        if state not in expected.states:
            return f"a state that was never committed, of {found.total()} readings"
    elif missing := expected.readings - found.keys():
        return f"{len(missing)} of {len(expected.readings)} readings lost"
    else:
        now = await contents.hashes(buffer)
        changed = {k for k, sha256 in expected.hashes.items() if now.get(k, sha256) != sha256}
        if changed:
            return f"{len(changed)} batches have another hash"
    twice = sum(1 for times in found.values() if times > 1)
    if twice:
        return f"{twice} readings doubled"
    return None if (await buffer.counts()).reconcile else "the counts do not add up"


async def _goes_on(buffer: Buffer) -> str | None:
    last = buffer.last
    sealed = await buffer.store(cycle(LATER, 2))
    if sealed[0].sequence != last + 1:
        return "the sequence does not go on"
    payload = await buffer.fetch(buffer.current, sealed[0].sequence, moment(LATER))
    return None if payload == sealed[0].payload else "what was stored reads otherwise"
