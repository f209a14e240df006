"""Told to stop (SIGTERM: ``systemctl stop``, an evicted pod), a job ends in good order: what it staged is removed, and what it
has to say is said."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Terminated(KeyboardInterrupt):
    """The job was told to stop (SIGTERM)."""


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise Terminated within, once, when SIGTERM comes; more of them are ignored while the job ends.

    Within a query DuckDB makes a failure of its own of it (RuntimeError), and drivers may too: that is Terminated here. Signals
    come to the main thread alone; in another nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    told = []

    def stop(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        told.append(True)
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except Exception as error:
        if told:
            raise Terminated from error
        raise
    finally:
        if not told:
            signal.signal(signal.SIGTERM, before)
