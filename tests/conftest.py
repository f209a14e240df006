"""Settings of the whole suite; the folder itself is importable, for ``oracle``."""

from hypothesis import settings

#: `make search` measures this many times the books that every run of the suite does.
settings.register_profile("search", max_examples=1000)
