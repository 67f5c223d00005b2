# strokebench. `make` alone lists the targets; `make table1 DATASET=soop QUICK=1` sets variables.

PYTHON ?= python3
export DATASET ?= virtual
export FETCH ?=
export OUTCOME ?=
export PROTOCOL ?= cv5
export ENCODERS ?= embedded
export IMAGE_ENCODER ?=
export TEXT_ENCODER ?=
export COMPARED_ENCODERS ?=
export SIZES ?= small
export SEEDS ?= 39,40,41,42
export JOBS ?= 0
export QUICK ?=
export GRID_SEEDS ?= 1

METHOD ?= vdafm
SAMPLER ?= tpe
SPACE ?= own
TRIALS ?= 40

VARIABLES := METHOD SAMPLER SPACE TRIALS PYTHON DATASET FETCH OUTCOME PROTOCOL ENCODERS IMAGE_ENCODER TEXT_ENCODER COMPARED_ENCODERS SIZES SEEDS JOBS QUICK GRID_SEEDS WEIGHTS DEVICE BACKEND SCHEDULER
GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
ifneq (,$(filter-out $(VARIABLES) STROKEBENCH_% MLFLOW_% MAKEFLAGS MAKEOVERRIDES,$(GIVEN)))
$(error No variable is called $(filter-out $(VARIABLES),$(GIVEN)). Choose from: $(VARIABLES))
endif

# Many containers set it: every process would compile the suite and its tests anew, seconds each.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
INSTALLED := .venv/.installed
ROOMS := benchmarks datasets methods reports tasks
PACKAGES := -p strokebench

.DEFAULT_GOAL := help
EXPERIMENTS := table1 added_value tuned table2 table3 figure2 figure3 figure4 figure5 dropout alignment comparison clinical missing imputation learning_curve readings encoders

TARGETS := help environment $(EXPERIMENTS) paper-numbers paper report status tune speed speed-peers speed-scale ui studies doctor encode cohort-check cohort-describe cohort-fetch leaks wheelhouse docs test test-all lint format types check clean clean-environment

.PHONY: $(TARGETS) links

help: ## list the targets
	@echo "strokebench: make TARGET [VARIABLE=value ...]"
	@echo
	@echo "  table1             every method by the same metrics (the paper's Table 1)"
	@echo "  added_value        what image and text add to a clinical model"
	@echo "  tuned              every method by a search of the same budget (hours)"
	@echo "  table2 table3      the modalities, and the losses, one by one"
	@echo "  figure2 figure3    hyper-parameters one or two at a time, the chosen setting"
	@echo "  figure4 dropout    marked"
	@echo "  figure5            leave one hospital out"
	@echo "  alignment          angle of image and text before and after joint encoding"
	@echo "  comparison         which differences between methods are real"
	@echo "  clinical           calibration, decision curves, hospitals and subgroups"
	@echo "  missing            missing modalities, and what each contributes"
	@echo "  imputation         what filling gaps of the table otherwise is worth"
	@echo "  learning_curve     would more patients help?"
	@echo "  readings           what the paper does not say, on validation parts"
	@echo "  encoders           what another encoder is worth; COMPARED_ENCODERS="
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  DATASET=virtual|virtual-1|...|virtual-4|virtual-sequences|virtual-null"
	@echo "          |virtual-fusion|soop|soop-flair|FILE.yaml (your own)"
	@echo "  OUTCOME='nihss < 7'"
	@echo "  FETCH=1 (what is public of DATASET=soop, without asking)"
	@echo "  PROTOCOL=cv5|holdout|loho|own   ENCODERS=embedded|paper|IMAGE+TEXT"
	@echo "  IMAGE_ENCODER=  TEXT_ENCODER=  (one apart; see 'strokebench list encoders')"
	@echo "  SIZES=small|paper (networks of 128 hidden units and width 64, or 512, 256)"
	@echo "  SEEDS=39,40,41,42   GRID_SEEDS=1 (of the seeds, for each point of a grid)"
	@echo "  JOBS=0 (one a core)   QUICK=1 (a check in minutes)"
	@echo "  PYTHON=python3.11 (for the environment)"
	@echo "  STROKEBENCH_HOME=folder for everything written (default: work)"

# XGBoost requires NVIDIA's library for several GPUs (0.5 GB) and runs without it; beside PyTorch's CPU build it goes.
TORCH_HAS_CUDA := "from importlib.metadata import version; exit('+cpu' in version('torch'))"

# Made anew whenever what it is made from has changed; the stamp is written last. Modules are compiled here, on all
# cores, which pip does not; packages may carry files of other Pythons, which fail.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "strokebench needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	@echo "Installing into .venv; the first time takes some minutes."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e ".[dev]"
	@$(BIN)/python -m compileall -qq -j 0 .venv/lib || true
	@$(BIN)/python -c $(TORCH_HAS_CUDA) || $(BIN)/python -m pip uninstall --quiet --yes nvidia-nccl-cu12
	@touch $@

.DEFAULT:
	@$(PYTHON) -c 'from difflib import get_close_matches as near; from sys import argv, exit; exit("".join( \
		[f"No target is called {argv[1]}.", *(f" Did you mean {name}?" for name in near(argv[1], argv[2:], 1))]))' \
		$@ $(TARGETS)

environment: $(INSTALLED) ## make or renew .venv with the pinned versions

$(EXPERIMENTS): $(INSTALLED)
	@$(BIN)/strokebench run $@

paper-numbers: $(INSTALLED) ## every number of the paper beside ours, one fixed test part
	@$(BIN)/strokebench run paper

paper: $(INSTALLED) ## all but tuned and the last four experiments, and the page
	@$(BIN)/strokebench paper

report: $(INSTALLED) ## one HTML page of everything that is finished by now
	@$(BIN)/strokebench page

leaks: $(INSTALLED) ## look for leaks: doubled patients, telling columns and texts
	@$(BIN)/strokebench audit leaks

tune: $(INSTALLED) ## METHOD=vdafm SAMPLER=tpe|grid SPACE=own|paper TRIALS=40
	@$(BIN)/strokebench tune $(METHOD) --sampler $(SAMPLER) --space $(SPACE) --trials $(TRIALS)

speed: $(INSTALLED) ## what a fit of each method costs on this machine
	@$(BIN)/strokebench speed

speed-peers: $(INSTALLED) ## the same work by other suites, in environments of their own
	@$(BIN)/strokebench speed-peers

speed-scale: $(INSTALLED) ## how time and memory grow from 729 to 100,000 patients
	@$(BIN)/strokebench speed-scale

status: $(INSTALLED) ## how far every experiment is, and why runs failed
	@$(BIN)/strokebench status

ui: $(INSTALLED) ## show the logged runs in the browser (MLflow)
	@$(BIN)/strokebench ui

studies: $(INSTALLED) ## the studies of `make tune` in the browser (Optuna)
	@$(BIN)/strokebench ui --studies

doctor: $(INSTALLED) ## look at this machine and installation
	@$(BIN)/strokebench doctor

encode: $(INSTALLED) ## make the cohort's embeddings, without training
	@$(BIN)/strokebench encode

cohort-check: $(INSTALLED) ## list whatever is wrong with DATASET, and change nothing
	@$(BIN)/strokebench cohort check "$(DATASET)"

cohort-describe: $(INSTALLED) ## Table One of DATASET, sites, pictures; also as a page
	@$(BIN)/strokebench cohort describe "$(DATASET)"

cohort-fetch: $(INSTALLED) ## SOOP, a public cohort: says licence and size, then asks
	@$(BIN)/strokebench cohort fetch soop

wheelhouse: $(INSTALLED) ## all wheels in wheelhouse/, for a machine without network
	@rm -rf wheelhouse
	@$(BIN)/python -m pip wheel --quiet -c constraints.txt -w wheelhouse ".[embedded,text,cluster,ui]"
	@echo "There: pip install --no-index --find-links wheelhouse 'strokebench[embedded,text,cluster,ui]'"

# A database waits for the disk at every commit, so tests write to memory, where there is room and programs may run.
MEMORY = $(shell grep -qs ' /dev/shm .*noexec' /proc/mounts || df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 4000000 { print "/dev/shm" }')

# In the order of the folders, whose last are quick: by the number of their tests the longest file would come last.
test: $(INSTALLED) ## run the tests, one process a core
	@PYTEST_DEBUG_TEMPROOT=$(MEMORY) $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m "not long"

test-all: $(INSTALLED) ## run also those that kill calls or start servers
	@PYTEST_DEBUG_TEMPROOT=$(MEMORY) $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

lint: $(INSTALLED) ## check style and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(INSTALLED) ## mend style and formatting
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# What reads source does not follow an editable install: it gets the package under its installed name by links.
links: $(INSTALLED)
	@mkdir -p .venv/types/strokebench
	@for part in $(ROOMS) strokebench/*.py; do ln -sfn "$(CURDIR)/$$part" .venv/types/strokebench/$${part##*/}; done

docs: links ## the documentation as a site in build/docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

types: links ## check types
	@MYPYPATH=.venv/types $(BIN)/mypy --num-workers 2 $(PACKAGES)

check: lint types test ## lint, types and test

clean: ## remove caches; results and cohorts in work/ stay
	@rm -rf .pytest_cache .mypy_cache .ruff_cache build dist wheelhouse
	@find $(ROOMS) tests -name __pycache__ -type d -prune -exec rm -rf {} +

clean-environment: clean ## remove .venv too
	@rm -rf .venv *.egg-info
