"""Who borrows: the customers behind the borrower names of successive statements.

A borrower is a country code and a normalised name, of which the publisher shows forty characters. A new
name is taken as an old borrower renamed only where one statement says so: all older loans under the new
name belonged to one borrower, whose own names that statement shows no longer. Everything else is a new
borrower.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from pipeline.adapters.worldbank_loan import LoanRow
from pipeline.adapters.worldbank_schedule import LoanHistory
from pipeline.adapters.worldbank_statement import Statement

UNNAMED = "UNNAMED BORROWER"
SHOWN_CHARACTERS = 40
NOT_ONE_BORROWER = frozenset({UNNAMED, "MULTIVALUE"})
STATE_WORDS = frozenset(
    {"MINISTRY", "MINISTER", "MINISTERE", "MINISTERIO", "MINISTRE", "MIN", "GOVERNMENT", "TREASURY"}
    | {"REPUBLIC", "REPUBLICA", "KINGDOM", "MUNICIPALITY", "MUNICIPIO", "MUNICIPALIDAD", "STATE", "ESTADO"}
    | {"PREFEITURA", "PROVINCE", "PROVINCIA", "GOBIERNO", "GOVERNO", "GOUVERNEMENT", "FEDERATION"}
)


@dataclass(frozen=True, slots=True)
class Borrower:
    """One customer as the statement that first showed it."""

    customer_id: str
    name: str
    country: str
    region: str
    group_id: str
    ownership: str | None
    onboarded_on: date
    recorded_on: date


def normalise_name(name: str) -> str:
    """Return a borrower's name in capitals without accents and punctuation, a stand-in where it is blank."""
    letters = unicodedata.normalize("NFKD", " ".join(name.split())[:SHOWN_CHARACTERS])
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(re.findall(r"[^\W_]+", plain.upper().replace("&", " AND "))) or UNNAMED


def read_ownership(name: str) -> str | None:
    """Return "state" where a normalised name says so itself; the statements do not tell for the rest."""
    return "state" if STATE_WORDS & set(name.split()) else None


class Borrowers:
    """The customers found so far and every name they went by."""

    def __init__(self) -> None:
        self.known: dict[str, Borrower] = {}
        self._owner_of_name: dict[tuple[str, str], str] = {}
        self._shared: set[str] = set()

    def identify(self, statement: Statement, loans: Mapping[str, LoanHistory]) -> dict[str, str]:
        """Return the customer of each loan this statement is the first to show."""
        names: dict[tuple[str, str], list[str]] = {}
        for loan_id, row in statement.rows.items():
            names.setdefault((row.country_code, normalise_name(row.borrower)), []).append(loan_id)
        renamed = self._find_renamed(names, loans)
        found: dict[str, str] = {}
        for name, loan_ids in names.items():
            new = [loan_id for loan_id in loan_ids if loan_id not in loans]
            if name in renamed:
                self._owner_of_name[name] = renamed[name]
            if not new:
                continue
            if name not in self._owner_of_name:
                self._begin(name, [statement.rows[loan_id] for loan_id in new], statement.ends_on)
            found.update(dict.fromkeys(new, self._owner_of_name[name]))
        return found

    def _find_renamed(
        self, names: Mapping[tuple[str, str], list[str]], loans: Mapping[str, LoanHistory]
    ) -> dict[tuple[str, str], str]:
        """Return the borrowers that this statement shows under a new name."""
        still_shown = {self._owner_of_name[name] for name in names if name in self._owner_of_name}
        candidates: dict[str, list[tuple[str, str]]] = {}
        for name, loan_ids in names.items():
            owners = {loans[loan_id].customer_id for loan_id in loan_ids if loan_id in loans}
            if name in self._owner_of_name or name[1] in NOT_ONE_BORROWER or len(owners) != 1:
                continue
            candidates.setdefault(owners.pop(), []).append(name)
        return {
            new_names[0]: owner
            for owner, new_names in candidates.items()
            if len(new_names) == 1 and owner not in still_shown and owner not in self._shared
        }

    def _begin(self, name: tuple[str, str], rows: list[LoanRow], on: date) -> None:
        country_code, words = name
        customer_id = f"{country_code} {words}"
        self._owner_of_name[name] = customer_id
        if words in NOT_ONE_BORROWER:
            self._shared.add(customer_id)
        self.known[customer_id] = Borrower(
            customer_id=customer_id,
            name=" ".join(rows[0].borrower.split()) or words,
            country=rows[0].country,
            region=rows[0].region,
            group_id=country_code,
            ownership=read_ownership(words),
            onboarded_on=min(row.signed_on for row in rows),
            recorded_on=on,
        )
