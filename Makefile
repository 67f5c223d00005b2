# strokebench. `make` alone lists the targets; `make table1 DATASET=soop QUICK=1` sets variables.

PYTHON ?= python3
export DATASET ?= virtual
export OUTCOME ?=
export PROTOCOL ?= cv5
export ENCODERS ?= embedded
export SEEDS ?= 39,40,41,42
export JOBS ?= 0
export QUICK ?=

BIN := .venv/bin
INSTALLED := .venv/.installed
ROOMS := benchmarks datasets methods reports tasks
PACKAGES := $(ROOMS:%=-p strokebench.%)

.DEFAULT_GOAL := help
.PHONY: help environment table1 report status ui doctor encode list test lint format types check clean clean-environment

help: ## list the targets
	@echo "strokebench: make TARGET [VARIABLE=value ...]"
	@echo
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  DATASET=virtual|soop|path/to/cohort.yaml   OUTCOME='nihss < 7'   PROTOCOL=cv5|holdout|loho"
	@echo "  ENCODERS=embedded|paper   SEEDS=39,40,41,42   JOBS=0 (one a core)   QUICK=1 (a check in minutes)"
	@echo "  PYTHON=python3.11 (for the environment)   STROKEBENCH_HOME=folder for everything written (work/)"

# Made anew whenever what it is made from has changed; the stamp is written last.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "strokebench needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing into .venv; the first time takes some minutes."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

environment: $(INSTALLED) ## make or renew .venv with the pinned versions

table1: $(INSTALLED) ## compute and show Table 1: cohort, embeddings, all runs, the table
	@$(BIN)/strokebench run table1

report: $(INSTALLED) ## show Table 1 of the runs that are finished by now, also while they go on
	@$(BIN)/strokebench report table1

status: $(INSTALLED) ## how far every experiment is, and why runs failed
	@$(BIN)/strokebench status

ui: $(INSTALLED) ## show the logged runs in the browser (MLflow)
	@$(BIN)/strokebench ui

doctor: $(INSTALLED) ## look at this machine and installation
	@$(BIN)/strokebench doctor

encode: $(INSTALLED) ## make the cohort's embeddings, without training
	@$(BIN)/strokebench encode

test: $(INSTALLED) ## run the tests
	@$(BIN)/python -m pytest

lint: $(INSTALLED) ## check style and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(INSTALLED) ## mend style and formatting
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# The type checker does not follow an editable install: it gets the package under its installed name by links.
types: $(INSTALLED) ## check types
	@mkdir -p .venv/types/strokebench
	@for room in $(ROOMS); do ln -sfn "$(CURDIR)/$$room" .venv/types/strokebench/$$room; done
	@MYPYPATH=.venv/types $(BIN)/mypy $(PACKAGES)

check: lint types test ## lint, types and test

clean: ## remove caches; results and cohorts in work/ stay
	@rm -rf .pytest_cache .mypy_cache .ruff_cache build dist
	@find $(ROOMS) tests -name __pycache__ -type d -prune -exec rm -rf {} +

clean-environment: clean ## remove .venv too
	@rm -rf .venv *.egg-info
