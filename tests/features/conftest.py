"""The one Spark session of a test run."""

from __future__ import annotations

import cluster
import pytest


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    """A session with two executors, where Java and PySpark are there."""
    if why := cluster.missing():
        pytest.skip(why)
    with cluster.started(tmp_path_factory.mktemp("spark")) as session:
        yield session
