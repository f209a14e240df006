"""The jobs people and schedulers run: simulate, import, validate, train, promote, score."""
