"""Failures of the jobs, each with its exit code; ``exit_codes`` lists those of every room."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from features.errors import PentadError, UnwritableOutput

DONE, UNEXPECTED, USAGE, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143


class BadSettings(PentadError):
    """run.toml has an unknown or impossible setting."""

    exit_code = 50


class NoLabels(PentadError):
    """There is nothing to learn from."""

    exit_code = 51


class NoModel(PentadError):
    """No registered model has the alias or version asked for."""

    exit_code = 52


class NobodyToScore(PentadError):
    """No customer is in scope on the date."""

    exit_code = 53


class StoreUnavailable(PentadError):
    """The tracking store cannot be opened or does not answer."""

    exit_code = 54


class BookTooOld(PentadError):
    """The book ends long before the date it is to be judged on."""

    exit_code = 55


@contextmanager
def writing(place: Path | str) -> Iterator[None]:
    """Name the place if the operating system refuses to write there.

    Raises
    ------
    UnwritableOutput
        It refused.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        why = f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
        todo = ("Make room on the disk and run it again." if error.errno in (errno.ENOSPC, errno.EDQUOT) else
                "Name a place where a folder can be made, and see that nothing else stands there.")
        raise UnwritableOutput(f"it cannot be written ({why})", str(place), todo) from error


def exit_codes(kind: type[PentadError] = PentadError) -> dict[int, str]:
    """Exit code and meaning of every named failure that is loaded, by code."""
    found = {} if kind is PentadError else {kind.exit_code: (kind.__doc__ or "").strip().split("\n")[0]}
    for child in kind.__subclasses__():
        found |= exit_codes(child)
    return dict(sorted(found.items()))
