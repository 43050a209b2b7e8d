# `make demo` and `make test` are all the set-up there is; both make .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test fast exhaustive lint bench scores picture web clean

demo: $(STAMP)
	$(BIN)/polycypher demo

test: $(VENV)/.installed-dev
	$(BIN)/pytest

fast: $(VENV)/.installed-dev
	$(BIN)/pytest -m "not slow and not exhaustive"

# The whole attack corpus, layer by layer, where `make test` takes a seeded sample; a study in miniature, really trained.
exhaustive: $(VENV)/.installed-dev
	$(BIN)/pytest -m exhaustive

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check src tests
	$(BIN)/mypy
	$(BIN)/lint-imports

# Everything in docs/performance.md.
bench: $(VENV)/.installed-dev
	$(BIN)/python bench/performance.py docs

# The numbers of docs/nano.md; DATA names the folder with the corpora. Graphs `movies` and `northwind` must be loaded.
scores: $(VENV)/.installed-dev
	$(BIN)/python bench/scores.py --data $(DATA) --out docs/nano-scores.json
	$(BIN)/python bench/gate.py recipes/nano-bundle.yaml --out docs/nano-gates.json
	$(BIN)/python bench/modes.py --data $(DATA) --docs docs

# The page of `polycypher serve`, from web/ into the package; needs Node.js 20.19 or later.
web:
	cd web && npm ci && npm test && npm run build

picture: $(STAMP)
	$(BIN)/python bench/picture.py docs/demo.svg

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
