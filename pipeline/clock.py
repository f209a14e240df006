"""This moment: the only module that reads the clock.

It dates entries in logs (promotions, overrides, outcomes) and records of runs. No result depends on it: what is measured,
learnt or scored is as of a date that is given.
"""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """This moment in ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
