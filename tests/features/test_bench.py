"""The contenders of the benchmark measure what the features do, so that their times can be compared."""

from __future__ import annotations

from tests.bench import contenders
from tests.bench.book import write_book
from tests.bench.features import must_agree


def test_pandas_and_polars_agree_with_the_features_on_a_generated_book(tmp_path):
    write_book(tmp_path, 300)
    measured = {of.__name__: of(tmp_path)["totals"] for of in (contenders.ours, contenders.in_pandas, contenders.in_polars)}
    must_agree(measured)
    assert all(n > 0 for _, n in measured["ours"].values())
