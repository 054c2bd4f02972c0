"""The estimators, one module each. Registering one is a line here; the order is that of trying.

An estimator owns its name, quality, text and the longest gap that it may fill, and says what it
expects of an interval. What registers know is not its matter: whoever asks scales to it.
"""

from __future__ import annotations

from central.domain.vee.estimator import Estimator
from central.domain.vee.estimators import (
    class_profile,
    day_kind,
    even,
    like_day,
    linear,
    manual,
    own_profile,
)

ESTIMATORS: tuple[Estimator, ...] = (
    linear.ESTIMATOR,
    like_day.ESTIMATOR,
    day_kind.ESTIMATOR,
    own_profile.ESTIMATOR,
    class_profile.ESTIMATOR,
    even.ESTIMATOR,
    manual.ESTIMATOR,
)

CHOSEN: tuple[Estimator, ...] = tuple(entry for entry in ESTIMATORS if entry.chosen)
"""Those that a policy or a person may name."""
