"""The record of a run: what a scheduler needs to act on, and whoever is called at night to understand, in one JSON file a run.

It says when the run began and ended, with which exit code and why, which versions of what took part, what was read and written,
how long each step took, and the warnings. The same, step by step, goes to a log of JSON lines. Ids of customers may stand in
both where something is wrong with their rows, names of customers never.
"""

from __future__ import annotations

import json
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

from features.errors import PentadError, UnwritableOutput
from pipeline.clock import now
from pipeline.errors import DONE, INTERRUPTED, TERMINATED, UNEXPECTED, writing
from pipeline.output import written_whole
from pipeline.stopping import Terminated

PARTS = ("pentad", "duckdb", "narwhals", "numpy", "pandas", "pyarrow", "xgboost")


class Journal:
    """What a run tells of itself, written to a file when it ends, however it ends.

    Parameters
    ----------
    job : str
        Which, as its command is called.
    about : dict
        What it was asked to do.
    folder : Path
        Where the record goes, under a name of its own.
    log : TextIO or None
        Where the log goes; None if nowhere.
    """

    def __init__(self, job: str, about: dict[str, Any], folder: Path, log: TextIO | None) -> None:
        self.started_at, self._began = now(), time.perf_counter()
        name = f"{job}-{self.started_at.replace(':', '').replace('+0000', 'Z')}-{uuid4().hex[:8]}.json"
        self.path, self._log, self._last = folder / name, log, self._began
        self._told: dict[str, Any] = {"job": job, **about}
        self._seconds: dict[str, float] = {}
        self._warnings: list[str] = []
        self._event("started", **self._told)

    def tell(self, **facts: Any) -> None:
        """Note facts of the run."""
        self._told |= facts
        self._event("told", **facts)

    def note(self, warning: str) -> None:
        """Note what did not stop the run and somebody should look at."""
        self._warnings.append(warning)
        self._event("warning", warning=warning)

    def warn(self, warning: str) -> None:
        """Note it, and print it."""
        self.note(warning)
        print(f"note: {warning}", flush=True)

    def step(self, name: str) -> None:
        """A step has ended: the time since the one before is its own."""
        seconds = self.lap(name)
        self._event("step", step=name, seconds=round(seconds, 3))

    def lap(self, name: str) -> float:
        """Count the time since the last step or lap for a step, which may go on; the seconds it has taken in all."""
        at = time.perf_counter()
        self._seconds[name] = self._seconds.get(name, 0.0) + at - self._last
        self._last = at
        return self._seconds[name]

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        ended = {"exit_code": _code_of(error), "error": None if error is None else _said(error)}
        self._event("ended", **ended, seconds=round(time.perf_counter() - self._began, 3))
        record = {**self._told, "started_at": self.started_at, "ended_at": now(),
                  "seconds": round(time.perf_counter() - self._began, 3), **ended, "warnings": self._warnings,
                  "steps": {name: round(seconds, 3) for name, seconds in self._seconds.items()},
                  "versions": {"python": platform.python_version()} | {name: version(name) for name in PARTS}}
        text = json.dumps(record, ensure_ascii=False, indent=1) + "\n"
        try:
            with writing(self.path):
                written_whole(self.path, lambda file: file.write(text.encode()), replace=False, what="record")
        except UnwritableOutput:
            if error is None:  # else the run's own failure is what there is to say
                raise

    def _event(self, event: str, **facts: Any) -> None:
        if self._log is not None:
            self._log.write(json.dumps({"at": now(), "event": event, **facts}, ensure_ascii=False, default=str) + "\n")
            self._log.flush()


def _code_of(error: BaseException | None) -> int:
    if error is None:
        return DONE
    if isinstance(error, PentadError):
        return error.exit_code
    if isinstance(error, Terminated):
        return TERMINATED
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else UNEXPECTED


def _said(error: BaseException) -> dict[str, str]:
    return {"name": type(error).__name__, "line": str(error) or (type(error).__doc__ or "").split("\n")[0]}
