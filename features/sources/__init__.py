"""Open a loan book: files, a DuckDB database, or data frames. The only room that knows an engine.

Dates become whole days since 1970-01-01 and money whole cents, so that everything after is integer arithmetic and the
same on every engine. Rows that break a rule are set aside with the reason; kept + rejected = read, always.
"""

from __future__ import annotations

from features.sources.amounts import in_units, total
from features.sources.finding import others
from features.sources.fingerprints import fingerprint
from features.sources.opening import examine, open_tables
from features.sources.refusing import WHERE_REJECTS_LIE, must_have_rows
from features.sources.spark import catalogue_tables
from features.sources.tables import Account, Findings, Tables

__all__ = ["WHERE_REJECTS_LIE", "Account", "Findings", "Tables", "catalogue_tables", "examine", "fingerprint", "in_units",
           "must_have_rows", "open_tables", "others", "total"]
