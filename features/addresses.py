"""Addresses of databases: which text is one, and how to say it without the names and passwords in it."""

from __future__ import annotations

import re
from typing import Any

SCHEMES = ("postgresql://", "postgres://")


def is_address(where: Any) -> bool:
    """Whether a place is the address of a PostgreSQL database."""
    return isinstance(where, str) and where.startswith(SCHEMES)


def masked(text: str) -> str:
    """The text without the names and passwords of the addresses in it."""
    text = re.sub(r"://[^\s'\"]*@", "://***@", text)
    return re.sub(r"(?i)(password=)[^&\s'\"]*", r"\1***", text)
