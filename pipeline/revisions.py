"""What was scored on a date, in revisions: each appears whole or not at all and never changes; readers see the last.

::

    as_of=2025-12-31/
        revision=1/      the files, and manifest.json, which names them with their SHA-256
        revision=2/      a restatement
        CURRENT          the revision that holds, and the SHA-256 of its manifest

A run writes into a folder of its own (staging), through to the disk, and then renames it to the next revision: of several runs
one succeeds, and a run that is killed leaves nothing or all. CURRENT follows, renamed into its place as well. Whoever reads
looks at CURRENT once and then at files that never change: it sees the old or the new, never a mix.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.errors import OutputExists, PentadError
from pipeline.output import put, sha256, synced

MANIFEST, CURRENT = "manifest.json", "CURRENT"
LOCK, STAGING = ".lock", ".staging-"
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
REVISION = re.compile(r"revision=([1-9]\d*)")
AGAIN = "Put it back from a copy, or score the date again with --restate REASON."


class DamagedRevision(PentadError):
    """The files of a scored date are not those that were written."""

    exit_code = 62


@dataclass(frozen=True)
class Revision:
    """One revision of a date: its folder, its number from 1 on, its manifest, and the SHA-256 of that."""

    folder: Path
    number: int
    manifest: Mapping[str, Any]
    sha256: str

    def file(self, name: str, whole: bool = True) -> Path:
        """The place of one of its files, after a look at whether it is the one that was written.

        ``whole``: compare its SHA-256; otherwise only its size, for those who read a part of it, page by page, each with a
        checksum of its own.

        Raises
        ------
        DamagedRevision
            It is not, or gone.
        """
        place, written = self.folder / name, self.manifest["files"].get(name)
        if written is None:
            raise DamagedRevision(f"no {name} was written", str(self.folder), AGAIN)
        try:
            is_same = place.stat().st_size == written["bytes"] and (not whole or sha256(place) == written["sha256"])
        except OSError as error:
            raise DamagedRevision(f"it cannot be read ({error.strerror})", str(place), AGAIN) from None
        if not is_same:
            raise DamagedRevision("not the file that was written: another size or SHA-256", str(place), AGAIN)
        return place


def place_of(folder: Path, as_of: str) -> Path:
    """Where the revisions of a date lie."""
    return folder / f"as_of={as_of}"


def dates(folder: Path, file: str = CURRENT) -> list[str]:
    """The dates that have a revision, or another file, the earliest first; a folder whose name is no date is none."""
    named = (found.parent.name.removeprefix("as_of=") for found in folder.glob(f"as_of=*/{file}"))
    return sorted(name for name in named if DATE.fullmatch(name))


def current(folder: Path, as_of: str) -> Revision | None:
    """The revision of a date that holds; None if there is none.

    Raises
    ------
    DamagedRevision
        CURRENT or the manifest it names is not what was written.
    """
    place = place_of(folder, as_of)
    try:
        said = (place / CURRENT).read_text(encoding="ascii").split()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise DamagedRevision(f"it cannot be read ({type(error).__name__})", str(place / CURRENT), AGAIN) from None
    if len(said) != 2 or not said[0].isdecimal():
        raise DamagedRevision("it names no revision", str(place / CURRENT), AGAIN)
    found = _revision(place, int(said[0]))
    if found.sha256 != said[1]:
        raise DamagedRevision("not the manifest that was written: another SHA-256", str(found.folder / MANIFEST), AGAIN)
    return found


@contextmanager
def staging(folder: Path, as_of: str) -> Iterator[Path]:
    """Yield a folder to write a revision into; what is not committed is gone afterwards, and what killed runs left is too."""
    place = place_of(folder, as_of)
    with _alone(folder):
        place.mkdir(parents=True, exist_ok=True)
        _sweep(place)
        staged = Path(tempfile.mkdtemp(dir=place, prefix=STAGING))
        lock = _locked(staged / LOCK)
    try:
        yield staged
    finally:
        os.close(lock)
        shutil.rmtree(staged, ignore_errors=True)
        with _alone(folder), suppress(OSError):  # others write there, or a revision is there
            place.rmdir()


def commit(staged: Path, facts: Mapping[str, Any], restate: str) -> tuple[Revision, bool]:
    """Make what was staged the next revision of its date, and the one that holds.

    Parameters
    ----------
    staged : Path
        What ``staging`` gave, with the files.
    facts : mapping
        What the manifest says beside the files: nothing that differs from run to run of the same data and model.
    restate : str
        Why the present revision is replaced by another content; empty if it may not be.

    Returns
    -------
    The revision that holds, and whether the same files were there already; then nothing was written.

    Raises
    ------
    OutputExists
        The date has other content, and ``restate`` is empty.
    DamagedRevision
        What the date has cannot be read, and ``restate`` is empty.
    """
    place = staged.parent
    files = {file.name: {"bytes": file.stat().st_size, "sha256": sha256(file)}
             for file in sorted(staged.iterdir()) if file.name != LOCK}
    with _alone(place.parent):
        before = max(_numbers(place), default=0)
        try:
            last = _last(place, before) if before else None
        except DamagedRevision:
            if not restate:
                raise
            last = None
        if last and last.manifest["files"] == files:
            _mend(last, staged)
            return last, True
        if last and not restate:
            raise OutputExists(f"other assignments for this date (revision {before})", str(place),
                               "Use --restate REASON to write the next revision; the earlier ones stay.")
        number = before + 1
        told = {"revision": number, "restates": {"revision": before, "manifest": last.sha256 if last else ""} if before else None,
                "reason": restate if before else "", **facts, "files": files}
        (staged / MANIFEST).write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        (staged / LOCK).unlink()
        for file in staged.iterdir():
            file.chmod(0o644)
            synced(file)
        staged.chmod(0o755)
        synced(staged)
        staged.rename(place / f"revision={number}")  # fails where another run was faster
        synced(place)
        made = _revision(place, number)
        _name(place, made)
    return made, False


def _numbers(place: Path) -> list[int]:
    return [int(match[1]) for folder in place.iterdir() if (match := REVISION.fullmatch(folder.name))]


def _mend(revision: Revision, staged: Path) -> None:
    """Put files that are damaged back: those just made are the same to the last byte."""
    for name in revision.manifest["files"]:
        try:
            revision.file(name)
        except DamagedRevision:
            put(staged / name, revision.folder / name)


def _last(place: Path, number: int) -> Revision:
    """The last revision of a date; a run that was killed after its commit may have left CURRENT behind, which then follows."""
    last = _revision(place, number)
    try:
        is_named = (place / CURRENT).read_text(encoding="ascii") == _naming(last)
    except (OSError, UnicodeDecodeError):
        is_named = False
    if not is_named:
        _name(place, last)
    return last


def _revision(place: Path, number: int) -> Revision:
    folder = place / f"revision={number}"
    try:
        content = (folder / MANIFEST).read_bytes()
        manifest = json.loads(content)
        manifest["files"].items()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedRevision(f"no manifest can be read ({type(error).__name__})", str(folder), AGAIN) from None
    return Revision(folder, number, manifest, hashlib.sha256(content).hexdigest())


def _naming(revision: Revision) -> str:
    return f"{revision.number} {revision.sha256}\n"


def _name(place: Path, revision: Revision) -> None:
    """Let CURRENT name a revision."""
    handle, temporary = tempfile.mkstemp(dir=place, prefix=f".{CURRENT}-")
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(_naming(revision))
    put(Path(temporary), place / CURRENT)


def _sweep(place: Path) -> None:
    """Remove what runs left that were killed: nobody holds the lock of their folder."""
    for left in place.glob(f"{STAGING}*"):
        with suppress(OSError):
            os.close(_locked(left / LOCK, waiting=False))
            shutil.rmtree(left, ignore_errors=True)
    for left in place.glob(f".{CURRENT}-*"):
        left.unlink(missing_ok=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let nobody else begin or commit a revision in this folder meanwhile; a killed holder lets go."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = _locked(folder / LOCK)
    try:
        yield
    finally:
        os.close(lock)


def _locked(file: Path, waiting: bool = True) -> int:
    """Open and lock a file, which its closing unlocks."""
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if waiting else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(handle)
        raise
    return handle
