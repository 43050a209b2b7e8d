# `make demo` and `make test` are all the set-up there is; both make .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test fast lint scores clean

demo: $(STAMP)
	$(BIN)/polycypher demo

test: $(VENV)/.installed-dev
	$(BIN)/pytest

fast: $(VENV)/.installed-dev
	$(BIN)/pytest -m "not slow"

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check src tests
	$(BIN)/mypy
	$(BIN)/lint-imports

# Scores of the shipped model as docs/nano.md shows them; CORPUS names a folder with the corpora, if there is one.
scores: $(VENV)/.installed-dev
	PATH="$(abspath $(BIN)):$$PATH" bash bench/scores.sh $(CORPUS)

$(STAMP): pyproject.toml constraints.txt
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch==2.13.0
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $(STAMP)

$(VENV)/.installed-dev: $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(VENV)/.installed-dev

clean:
	rm -rf $(VENV) build dist
