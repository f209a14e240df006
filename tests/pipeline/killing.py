"""Commits of revisions in processes that are killed at every step, or that race: prints one JSON line for each.

A process of its own (``python killing.py kill|race FOLDER``), which imports once and forks: nothing is known to it of pytest.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from features.errors import OutputExists
from pipeline.revisions import commit, current, place_of, staging

DAY = "2024-12-31"
OLD, NEW = b"old", b"new"
SIZE = 50_000
N_AT_ONCE = 8


def write(folder: Path, content: bytes, restate: str = "") -> tuple[int, bool]:
    """Commit two files of a content; the revision's number and whether it was there."""
    with staging(folder, DAY) as staged:
        for name in ("a.parquet", "b.parquet"):
            (staged / name).write_bytes(content * SIZE)
        made, was_there = commit(staged, {"as_of": DAY}, restate)
    return made.number, was_there


def seen(folder: Path) -> str | None:
    """What a reader finds: the content of a whole revision; None if there is none."""
    found = current(folder, DAY)
    if found is None:
        return None
    contents = {found.file(name).read_bytes()[:3] for name in ("a.parquet", "b.parquet")}
    assert len(contents) == 1, "a mix"
    return contents.pop().decode()


def listed(folder: Path) -> dict[str, str]:
    """Every file below the date, with what it holds."""
    place = place_of(folder, DAY)
    return {str(file.relative_to(place)): file.read_bytes()[:60].hex() for file in sorted(place.rglob("*")) if file.is_file()}


def killed_at(step: int, folder: Path, restating: bool) -> bool:
    """Let a process write and kill it before its ``step``-th step; whether it lived to the end."""
    child = os.fork()
    if not child:
        left = [step]

        def before_a_step(event: str, arguments: tuple) -> None:
            if event in ("open", "os.rename", "os.mkdir", "os.chmod", "os.remove", "os.rmdir", "tempfile.mkdtemp", "fcntl.flock"):
                left[0] -= 1
                if not left[0]:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(before_a_step)
        write(folder, NEW if restating else OLD, "restated" if restating else "")
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def kill(root: Path) -> None:
    """Kill at the first step, the second, ... until a run comes to its end; afterwards read, run again, and read."""
    for restating in (False, True):
        step = 0
        while True:
            step += 1
            folder = root / f"{restating}-{step}"
            if restating:
                write(folder, OLD)
            lived = killed_at(step, folder, restating)
            found = seen(folder)
            again = write(folder, NEW if restating else OLD, "restated" if restating else "")
            told = {"restating": restating, "step": step, "lived": lived, "seen": found, "again": again, "then": seen(folder),
                    "files": listed(folder)}
            print(json.dumps(told), flush=True)
            if lived:
                break


def race(root: Path) -> None:
    """Eight at once, of the same content and of eight contents."""
    for several in (False, True):
        folder, children = root / str(several), []
        ready, go = os.pipe()
        for n in range(N_AT_ONCE):
            child = os.fork()
            if not child:
                os.close(go)
                os.read(ready, 1)  # until the parent closes its end
                try:
                    number, was_there = write(folder, b"%03d" % n if several else OLD)
                    code = 1 if was_there else 0
                except OutputExists:
                    code = 2
                os._exit(code)
            children.append(child)
        os.close(go)
        os.close(ready)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        print(json.dumps({"several": several, "codes": codes, "seen": seen(folder), "files": listed(folder)}), flush=True)


if __name__ == "__main__":
    {"kill": kill, "race": race}[sys.argv[1]](Path(sys.argv[2]))
