# `make run` and `make test` need Python 3.11 to 3.13, pip, git and make; they set up .venv by themselves.
PYTHON ?= python3
LOCK ?= requirements.lock
PRESET ?=
QUICK ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
RUN_OPTIONS := $(if $(PRESET),--preset $(PRESET)) $(if $(QUICK),--quick)

# Stages are started as `python`, which must be the one of this folder.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1

.PHONY: help run test lint ui doctor clean

help: ## Show this list
	@echo "make run [PRESET=name] [QUICK=1]   run what has changed; a preset first changes params.yaml"
	@echo "make test                          run the tests that take seconds, and a choice of those that take minutes"
	@echo "make lint                          ruff, mypy, known advisories of the lock's packages"
	@echo "make ui                            serve the MLflow page on this machine"
	@echo "make doctor                        look for what would make a run fail"
	@echo "make clean                         remove outputs, checkpoints and caches (keeps .venv and mlruns/)"
	@echo "LOCK=requirements-gpu.lock         with any of them: the packages for a machine with a GPU"
	@echo "presets: $(basename $(notdir $(wildcard presets/*.yaml)))"

run: $(INSTALLED) ## Run what has changed
	@$(BIN)/sensegen run $(RUN_OPTIONS)

test: $(INSTALLED) ## Run the tests, of the slow ones those that are chosen
	@$(BIN)/python -m pytest -m "not slow or chosen" --numprocesses 2 --dist loadfile

lint: $(INSTALLED) ## Check style and types, and the lock against advisories
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python .ci/audit.py $(LOCK)

ui: $(INSTALLED) ## Serve the MLflow page
	@$(BIN)/sensegen ui

doctor: $(INSTALLED) ## Look for what would make a run fail
	@$(BIN)/sensegen doctor

clean: ## Remove what runs leave behind
	@rm -rf artifacts .cache .prefect dvc_plots .pytest_cache .mypy_cache .ruff_cache .hypothesis .dvc/tmp .dvc/cache
	@find sensegen stages flows tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is written last and holds the lock's name: a broken installation, or one from another lock, is done again.
$(INSTALLED): $(LOCK) $(if $(filter $(LOCK),$(shell cat $(INSTALLED) 2>/dev/null)),,other-lock)
	@rm -f $(INSTALLED)
	@chosen=""; \
	for candidate in $(PYTHON) python3.13 python3.12 python3.11; do \
	  if $$candidate -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then \
	    chosen=$$candidate; break; \
	  fi; \
	done; \
	if [ -z "$$chosen" ]; then \
	  found=$$($(PYTHON) --version 2>&1) || found="not there"; \
	  echo "This needs Python 3.11, 3.12 or 3.13, but $(PYTHON) is $$found. Install one, or: make PYTHON=/path/to/python3.12 ..." >&2; \
	  exit 1; \
	fi; \
	echo "Installing packages into $(VENV) with $$($$chosen --version) (once; a few minutes)"; \
	$$chosen -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(LOCK)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@echo "$(LOCK)" > $(INSTALLED)

.PHONY: other-lock
other-lock:
