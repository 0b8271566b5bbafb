# The one door of this project. `make` alone lists what can be done; `make check` is literally what CI runs.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3
ARGS ?=
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Stamps: an install runs again only when the lock or the project's own metadata is newer.
RUNTIME := $(VENV)/.installed-runtime
DEV := $(VENV)/.installed-dev
COMPILE := uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --python-version 3.11
CACHES := .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache htmlcov dist build

.PHONY: help setup demo test check lint format types imports coverage lock clean

help: ## List these targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(DEV) ## Create .venv and install everything, pinned by hash (quick the second time)

demo: $(RUNTIME) ## From a purchase log to "guess you like" over HTTP; ARGS=--check ends when the story is told
	$(BIN)/recsys demo $(ARGS)

test: $(DEV) ## Run every test; ARGS="tests/recsys -k vocabulary" narrows, WORKERS=0 runs in one process
	@.ci/system-packages libgomp1
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup $(ARGS)

check: lint types imports test ## What CI runs: lint, types, imports, test

lint: $(DEV) ## ruff: rules and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(DEV) ## ruff: mend and format in place
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(DEV) ## mypy --strict on the four packages
	$(BIN)/mypy

imports: $(DEV) ## Who may import whom (import-linter)
	$(BIN)/lint-imports

coverage: $(DEV) ## Run every test and report branch coverage by file
	@.ci/system-packages libgomp1
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup --cov --cov-report=term $(ARGS)

lock: $(DEV) ## Resolve both lock files anew (needs the network)
	$(PIP) install --quiet uv
	$(BIN)/$(COMPILE) --extra demo --extra otel -o requirements.lock pyproject.toml
	$(BIN)/$(COMPILE) --extra demo --extra otel --extra spark --extra dev -o requirements-dev.lock pyproject.toml

clean: ## Remove caches and build products; .venv and .recsys (your data) stay
	rm -rf $(CACHES) .coverage*
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(VENV)/pyvenv.cfg:
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) is not installed; install Python 3.11 or newer, or name one: make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: $(PYTHON) is $$($(PYTHON) -V 2>&1 | head -n 1), this project needs 3.11 or newer; name one: make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || .ci/system-packages python3-venv
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): requirements.lock pyproject.toml | $(VENV)/pyvenv.cfg
	$(PIP) install --quiet --progress-bar off --require-hashes -r requirements.lock
	$(PIP) install --quiet --no-deps -e .
	@.ci/system-packages libgomp1
	@touch $@

# The dev lock holds everything the runtime lock does, at the same versions, so it satisfies that stamp too.
$(DEV): requirements-dev.lock requirements.lock pyproject.toml | $(VENV)/pyvenv.cfg
	$(PIP) install --quiet --progress-bar off --require-hashes -r requirements-dev.lock
	$(PIP) install --quiet --no-deps -e .
	@touch $(RUNTIME) $@
