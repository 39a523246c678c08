# Needs python 3.11 or newer with venv, and make. Everything else goes into .venv.

PYTHON ?= python3
COVERAGE ?= 95
JOBS ?= 4
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TOOLS := $(VENV)/.tools
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# Some machines forbid Python to keep what it compiled. The tests start photosync thousands of
# times, and each start would compile all of it again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench soak clean

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## Watch photosync at work on sample photos; needs no account
	$(BIN)/photosync demo

test: lint ## Check everything: lint, then all tests with their branch coverage
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder --cov --cov-branch --cov-report=term --cov-fail-under=$(COVERAGE)

lint: $(TOOLS) ## Check style, types and who may import whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(TOOLS) ## Measure, beside others; BENCH="away scan --runs 5 --scale 0.1" for a part
	$(BIN)/python -m tests.bench $(BENCH)

soak: $(TOOLS) ## Everything at once at random, then an audit; SOAK="--hours 8 --seed 1"
	$(BIN)/python -m tests.soak $(SOAK)

clean: ## Remove what make, the tests and the demo left here
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	rm -rf .coverage .coverage.* htmlcov dist build .demo
	find photosync tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Made anew only if what is to be installed changed. The old environment goes first: one that
# was half made, or made by another python, is not worth mending.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "photosync needs python 3.11 or newer; $(PYTHON) is" \
	    "$$($(PYTHON) --version 2>/dev/null || echo not there)." \
	    "Name another one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments." \
	    "On Debian and Ubuntu: sudo apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(INSTALL) -e .
	@touch $@

# What only the checks need is twice as much again: the demo does not wait for it.
$(TOOLS): $(READY)
	$(INSTALL) -e '.[dev,s3,sftp,webdav]'
	@touch $@
