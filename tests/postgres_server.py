"""A PostgreSQL server of the tests' own: made empty, reached through a socket, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BINARIES = [*os.environ["PATH"].split(os.pathsep), *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))]
INITDB, POSTGRES = (shutil.which(name, path=os.pathsep.join(BINARIES)) for name in ("initdb", "postgres"))
MISSING = "no PostgreSQL (initdb, postgres) on the PATH or in /usr/lib/postgresql"


@contextmanager
def server() -> Iterator[str]:
    """Yield the address of an empty database; PostgreSQL refuses to run as root, who becomes nobody for it."""
    owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    who = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        if owner:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        data = Path(folder) / "data"
        subprocess.run([INITDB, "-D", data, "-U", "pentad", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"], check=True,
                       stdout=subprocess.DEVNULL, cwd=folder, **who)
        with open(Path(folder) / "log", "wb") as log:
            running = subprocess.Popen([POSTGRES, "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"],
                                       stdout=log, stderr=log, cwd=folder, **who)
        try:
            address = f"postgresql:///postgres?host={folder}&user=pentad"
            _wait(address, running)
            yield address
        finally:
            running.terminate()
            running.wait()


def _wait(address: str, running: subprocess.Popen) -> None:
    """Until the server answers."""
    import time

    from adbc_driver_postgresql import dbapi

    for _ in range(300):
        assert running.poll() is None, "the server has ended"
        try:
            with dbapi.connect(address):
                return
        except dbapi.Error:
            time.sleep(0.1)
    raise AssertionError("the server does not answer")
