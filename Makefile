# What a person types.  Everything is set up on first use in .venv, versions pinned.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ONLY ?=

.PHONY: demo test test-long truth check bench lab format clean

demo: $(READY)  ## the whole loop on the lab
	$(BIN)/survey demo

test: $(READY)  ## all tests; as root on Debian with real servers, in a namespace that has only lo
	$(BIN)/python tests/run.py

test-long: $(READY)  ## the longer proofs
	$(BIN)/python tests/run.py --long

truth: $(READY)  ## over a hundred real servers: what we, nmap and proxycheck say of each
	SURVEY_WRITE_TRUTH=1 $(BIN)/python tests/run.py --long tests/servers/test_truth.py -q -s

check: $(READY)  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)  ## one JSON line per benchmark; ONLY=name for one
	$(BIN)/python -m tests.benchmarks $(ONLY)

lab: $(READY)  ## only the lab: a whole internet on 127.0.0.0/8
	$(BIN)/survey lab up

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build demo *.egg-info

$(READY): pyproject.toml infra/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "installing python3-venv"; \
	  apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install python3-venv; } || \
	  { echo "Python's venv is needed: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint infra/constraints.txt --editable '.[dev]'
	@touch $@
