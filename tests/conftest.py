"""Settings of the whole suite; the folder itself is importable, for ``oracle``."""

import os
from collections.abc import Iterator

import postgres_server
import pytest
from hypothesis import settings

#: Two files of tests run at once: threads that spin while they wait for each other make both ten times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

#: `make search` measures this many times the books that every run of the suite does.
settings.register_profile("search", max_examples=1000)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server of the tests' own."""
    if not postgres_server.POSTGRES:
        pytest.skip(postgres_server.MISSING)
    with postgres_server.server() as address:
        yield address
