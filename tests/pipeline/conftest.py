"""The tiny book on disk, and a working folder to run on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk import Desk, tiny_book, write_book


@pytest.fixture(scope="session")
def book(tmp_path_factory) -> Path:
    """The tiny book as a folder of CSV files; nobody may change it."""
    return write_book(tiny_book(), tmp_path_factory.mktemp("book"))


@pytest.fixture
def spoiled(tmp_path) -> Path:
    """A copy of the tiny book that may be spoiled."""
    return write_book(tiny_book(), tmp_path / "spoiled")


@pytest.fixture
def desk(tmp_path) -> Desk:
    """A working folder in which nothing was trained yet."""
    return Desk(tmp_path)


@pytest.fixture(scope="session")
def trained(tmp_path_factory, book) -> Desk:
    """A working folder with one model, the challenger; its store is read by tests, never written."""
    desk = Desk(tmp_path_factory.mktemp("trained"))
    assert desk.train(book) == 0
    return desk
