# strokebench. `make` alone lists the targets.
PYTHON ?= python3
export DATASET ?= virtual
