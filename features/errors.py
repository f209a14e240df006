"""Failures a caller can act on: what was found, where, and what to do.

Each kind has its own exit code, so that a scheduler knows why a job stopped without reading its log.
The codes: 0 done, 1 unexpected, 2 usage, 10 and up named. ``pipeline/errors.py`` lists them all.
"""

from __future__ import annotations


class PentadError(Exception):
    """A named failure with one clear line.

    Parameters
    ----------
    found : str
        What was found, e.g. ``"no column due_on"``.
    where : str
        The file, table or setting in which it was found.
    todo : str
        What the reader can do about it.
    """

    exit_code = 1

    def __init__(self, found: str, where: str, todo: str) -> None:
        super().__init__(one_line(f"{where}: {found}. {todo}"))
        self.found, self.where, self.todo = found, where, todo


def one_line(text: str) -> str:
    """Text of which every character can be printed; a line end within becomes \\n."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class NoBook(PentadError):
    """The place given holds no loan book: missing, empty, or without a needed table."""

    exit_code = 10


class UnreadableFile(PentadError):
    """A file cannot be read as what its name says: truncated, another encoding, not a table."""

    exit_code = 11


class BrokenTable(PentadError):
    """A table breaks its contract as a whole: missing column, duplicate key, mixed currencies."""

    exit_code = 12


class TooManyRejects(PentadError):
    """More rows break their rules than the settings allow."""

    exit_code = 13


class BreachesFound(PentadError):
    """Validation found rows that break a rule."""

    exit_code = 14


class NoFactsYet(PentadError):
    """The as-of date lies before every fact, so there is nobody to judge."""

    exit_code = 15


class OutputExists(PentadError):
    """Something is already there and would be replaced."""

    exit_code = 16


class EmptyTable(PentadError):
    """A table that every book needs has no row, or none that keeps its rules."""

    exit_code = 17


class NotEnoughMemory(PentadError):
    """The book and its features do not fit into the memory that the settings allow, nor what goes to the disk."""

    exit_code = 18


class AmountsTooLarge(PentadError):
    """A sum of amounts, or of amounts times rates, does not fit into whole cents of 64 bits."""

    exit_code = 19


class UnwritableOutput(PentadError):
    """A file or folder that a job is to write cannot be written."""

    exit_code = 56
