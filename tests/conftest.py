"""Settings of the whole suite; the folder itself is importable, for ``oracle``."""

import os

from hypothesis import settings

#: Two files of tests run at once: threads that spin while they wait for each other make both ten times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

#: `make search` measures this many times the books that every run of the suite does.
settings.register_profile("search", max_examples=1000)
