"""The tiny book on disk, and a working folder to run on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk import Desk, scored_on, tiny_book, write_book
from reports import BEFORE, DAY


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


@pytest.fixture(scope="session")
def scored(tmp_path_factory, trained, book) -> Desk:
    """A desk of its own with the tiny book scored on a date; nobody may change what was scored."""
    return scored_on(tmp_path_factory.mktemp("scored"), trained, book, DAY)


@pytest.fixture(scope="session")
def scored_twice(tmp_path_factory, trained, book) -> Path:
    """A folder in which the tiny book was scored on two dates, a year apart; nobody may change it."""
    return scored_on(tmp_path_factory.mktemp("scored_twice"), trained, book, BEFORE, DAY).out
