"""Why metering data cannot be turned into consumption."""

from __future__ import annotations

from firmware_bridge.contract.errors import Fault, MeterlineError


class MeteringError(MeterlineError):
    """Root of metering's errors."""

    code = "METERING"


class BlockError(MeteringError):
    """A day block contradicts itself."""

    code = "BLOCK"


class IntervalSumError(MeteringError):
    """Intervals have no sum, because one of them is missing."""

    code = "INTERVAL_SUM"


class RegisterOverflowError(MeteringError):
    """A consumption does not fit 64 bits at the block's exponent."""

    code = "REGISTER_OVERFLOW"
    fault = Fault.DEVICE


class MultiplierError(MeteringError):
    """A multiplier is not positive, or no finite decimal, so that usage could not be exact."""

    code = "MULTIPLIER"
    fault = Fault.CONFIGURATION


class InstallationError(MeteringError):
    """An installation ends before it starts, or its reads contradict it."""

    code = "INSTALLATION"
    fault = Fault.OPERATOR


class SeriesError(MeteringError):
    """Columns of readings differ in length, or are not in order of time."""

    code = "SERIES"
