# Each target calls the console script; `make` alone prints this help.
PYTHON ?= python3
BIN := .venv/bin
SAMPLE := data/sample
AS_OF := 2025-12-31
REAL := ../shared/realdata/worldbank_ibrd
LOCKING := --universal --generate-hashes --no-header --no-annotate --python-version 3.11

.DEFAULT_GOAL := help
.PHONY: help setup sample train test notebooks search drift spark warnings bench dictionary real lint lock clean

help: ## print this help
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; ok = (3, 11) <= sys.version_info[:2] <= (3, 13); sys.exit(0 if ok else "Pentad needs Python 3.11 to 3.13; give one with make PYTHON=python3.11")'
	@echo "installing the locked packages into .venv (a few minutes the first time) ..."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed-spark: .venv/installed requirements-spark.txt
	@if command -v java >/dev/null; then \
	  echo "installing Spark into .venv (once) ..." && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --no-build-isolation \
	    -r requirements-spark.txt && touch $@; \
	else echo "no java on the PATH: the tests of Spark will be skipped"; fi

setup: .venv/installed ## virtual environment with the hashed lock

$(SAMPLE)/loans.csv: | .venv/installed
	$(BIN)/pentad simulate --customers 2000 --months 48 --seed 7 --out $(SAMPLE) --replace

.venv/installed-bench: .venv/installed requirements-bench.txt
	@echo "installing the contenders of the benchmark into .venv (once) ..."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-bench.txt
	@touch $@

sample: $(SAMPLE)/loans.csv ## the synthetic sample book

train: .venv/installed $(SAMPLE)/loans.csv ## set up, train on the sample, score it, explain one customer
	$(BIN)/pentad train --data $(SAMPLE)
	$(BIN)/pentad score --data $(SAMPLE) --as-of $(AS_OF) --model challenger --out runs/assignments --restate "make train"

test: .venv/installed .venv/installed-spark ## set up and run the tests; those of Spark where Java is there
	$(BIN)/python -m pytest -n 2 --dist loadfile

notebooks: .venv/installed ## open the notebooks in the browser (after make train)
	$(BIN)/jupyter lab notebooks

search: .venv/installed ## measure 32,000 generated books against the oracle of the tests (a quarter of an hour)
	$(BIN)/python -m pytest tests/features/test_oracle.py --hypothesis-profile=search

drift: .venv/installed $(SAMPLE)/loans.csv ## how often monitoring cries wolf, and finds what is planted, on the sample (five minutes)
	$(BIN)/python -m tests.bench.drift $(SAMPLE) 2025-06-30 1000

spark: .venv/installed-spark ## DuckDB and Spark on the whole sample and on the World Bank's statements: equal (minutes)
	$(BIN)/python -m pytest -m big tests/features/test_spark.py

warnings: .venv/installed ## early warnings judged by what came: a synthetic book, the World Bank's statements (minutes)
	$(BIN)/python -m tests.bench.warnings synthetic 2000 11
	$(BIN)/python -m tests.bench.warnings worldbank $(REAL)

bench: .venv/installed-bench $(SAMPLE)/loans.csv ## speed and memory of the features; the label desk; other boosters (two hours)
	$(BIN)/python -m tests.bench.features 200000
	$(BIN)/python -m tests.bench.scale
	$(BIN)/python -m tests.bench.contributions
	$(BIN)/python -m tests.bench.scoring $(SAMPLE) 1000000
	$(BIN)/python -m tests.bench.labels $(SAMPLE)
	$(BIN)/python -m tests.bench.coverage 12000 101
	$(BIN)/python -m tests.bench.models synthetic $(SAMPLE) 12
	$(BIN)/python -m tests.bench.models worldbank $(REAL) 5

dictionary: .venv/installed $(SAMPLE)/loans.csv ## write data/README.md anew
	$(BIN)/python -m features.dictionary $(SAMPLE) $(AS_OF)

real: .venv/installed ## the World Bank's statements, where ../shared/realdata is: import, train, score
	@if ls $(REAL)/*.csv >/dev/null 2>&1; then \
	  $(BIN)/pentad import worldbank $(REAL)/*.csv --out runs/worldbank --replace && \
	  $(BIN)/pentad train --data runs/worldbank --labels hindsight --as-of 2020-11-30 --until 2025-05-31 && \
	  $(BIN)/pentad score --data runs/worldbank --as-of 2025-05-31 --model challenger --out runs/worldbank_assignments --restate "make real"; \
	else echo "skipped: no statements in $(REAL)"; fi

lint: .venv/installed ## ruff
	$(BIN)/ruff check .

lock: .venv/installed ## renew requirements.txt and those of Spark and the benchmark (needs uv)
	uv pip compile $(LOCKING) --extra dev pyproject.toml -o requirements.txt
	for extra in spark bench; do \
	  sed -n 's/^\([a-z0-9-]*\)==.*/\1/p' requirements.txt | xargs printf -- '--no-emit-package %s\n' | \
	  xargs uv pip compile $(LOCKING) --constraint requirements.txt --extra $$extra pyproject.toml -o requirements-$$extra.txt; \
	done

clean: ## remove what was built and run, keep the data
	rm -rf .venv runs build *.egg-info .pytest_cache .hypothesis
