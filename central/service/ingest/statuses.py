"""Note what gateways retain of themselves; keep, by name, what cannot be noted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime

import structlog

from central.service.ingest.classify import UNKNOWN_GATEWAY, Arrival, RefusedMessage
from central.service.ingest.commit import rejection
from central.service.ingest.connects import Connects, taken_over_finding
from central.service.ingest.error_fields import error_fields
from central.service.ingest.isolate import NOBODYS, PAUSE_S, TRIES, Blamed, Rest, blame
from central.service.ingest.outcome import refused_finding
from central.service.ingest.refused_findings import refusal_findings
from central.service.ports.gateways import GatewayStore
from central.service.ports.ingest import IngestStore, PoisonError, StoreUnavailableError
from central.service.ports.ingest_records import GatewayRecord, IngestFinding
from firmware_bridge.contract.errors import InvalidValueError, MessageError
from firmware_bridge.contract.messages import Status, decode_status
from firmware_bridge.contract.topics import check_gateway

_log = structlog.get_logger(__name__)


class Statuses:
    """The use-case.

    Args:
        gateways: Where gateways are enrolled.
        store: Where refused messages are kept.
        clock: Now, aware.
        rest: Waits. [s]
    """

    def __init__(
        self,
        gateways: GatewayStore,
        store: IngestStore,
        clock: Callable[[], datetime],
        rest: Rest = asyncio.sleep,
    ) -> None:
        self._gateways = gateways
        self._store = store
        self._clock = clock
        self._rest = rest
        self._connects = Connects()
        self.counts: Counter[str] = Counter()

    async def note(self, name: str, payload: bytes) -> bool:
        """Note a gateway's retained status; one that cannot be read or kept is kept as refused.

        Args:
            name: The name on its topic.
            payload: The status as retained; empty where it was cleared.

        Returns:
            Whether it was noted: not of a stranger, and not what cannot be read.

        Raises:
            StoreUnavailableError: Try again.
            StoreUnfitError: The deployment is at fault.
        """
        if not payload:
            return False
        arrival = Arrival(name, payload, self._clock())
        try:
            check_gateway(name)
            status = decode_status(payload)
        except InvalidValueError as error:
            await self._keep(RefusedMessage(arrival, UNKNOWN_GATEWAY, error.message))
            return False
        except MessageError as error:
            await self._keep(RefusedMessage(arrival, error.code, error.message))
            return False
        blamed = await self._save(arrival, status)
        if isinstance(blamed, bool):
            if blamed and self._connects.note(name, status, arrival.at):
                await self._find(name, lambda it: [taken_over_finding(it)])
                self.counts["taken_over"] += 1
                _log.warning("gateway_connects_often", gateway=name)
            if blamed and status.refused:
                await self._find(name, lambda it: refusal_findings(it, status, arrival.at))
            return blamed
        _log.error("status_failed", gateway=name, code=blamed.code, **error_fields(blamed.error))
        await self._keep(RefusedMessage(arrival, blamed.code, blamed.message), is_found=True)
        return False

    async def _save(self, arrival: Arrival, status: Status) -> bool | Blamed:
        tries = 0
        while True:
            tries += 1
            try:
                return await self._gateways.save_status(arrival.gateway, status, arrival.at)
            except NOBODYS:
                raise
            except Exception as error:  # noqa: BLE001 - whatever one status does, others go on
                if tries == TRIES or isinstance(error, PoisonError):
                    return blame(RefusedMessage(arrival, "", ""), error)
            await self._rest(PAUSE_S)

    async def _find(
        self, name: str, findings: Callable[[GatewayRecord], list[IngestFinding]]
    ) -> None:
        """Raise what a status says that somebody should know."""
        record = (await self._store.gateways({name})).get(name)
        if record is None or not (raised := findings(record)):
            return
        try:
            async with self._store.transaction(self._clock()) as tx:
                await tx.find(raised)
        except NOBODYS:
            raise
        except Exception as error:  # noqa: BLE001 - one gateway ends nothing
            _log.error("finding_not_raised", gateway=name, **error_fields(error))

    async def _keep(self, refused: RefusedMessage, *, is_found: bool = False) -> None:
        """Keep a status among the refused messages; what even that cannot is logged."""
        arrival = refused.arrival
        self.counts["rejected"] += 1
        try:
            known = await self._store.gateways({arrival.gateway})
            record = known.get(arrival.gateway)
            async with self._store.transaction(self._clock()) as tx:
                await tx.reject([rejection(arrival, refused.code, refused.message, None)])
                if is_found and record is not None:
                    await tx.find([refused_finding(record, refused.code, refused.message)])
        except NOBODYS:
            raise
        except Exception as error:  # noqa: BLE001 - one message ends nothing
            self.counts["unkept"] += 1
            _log.error("status_not_kept", gateway=arrival.gateway, **error_fields(error))

    def wait(self, error: StoreUnavailableError) -> None:
        """Count and say that the store is away."""
        self.counts["retries"] += 1
        _log.warning("status_waits", reason=error.message)
