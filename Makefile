# Thin on purpose: everything real is in the `relay` command and in pyproject.toml.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# The first Python that is new enough; `make PYTHON=python3.12 demo` chooses another.
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info)' >/dev/null 2>&1 && echo $(name))))
# One more than there are cores: slow tests wait for processes and time-outs. A slow one comes first, and those that
# share a server that is slow to start run in one process.
PROCESSES ?= $(shell echo $$((1 + $$(getconf _NPROCESSORS_ONLN))))
PYTEST = $(BIN)/python -m pytest -n $(PROCESSES) --dist loadgroup
BIN := .venv/bin
# The lists are complete and hashed, so nothing is resolved; compiling on every core afterwards is faster than pip's way.
LOCKED := -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --require-hashes
COMPILE := -m compileall -q -j 0

# What is installed is known by the checksum of what asked for it: a warm start installs nothing.
checksum = $(firstword $(shell cat $(1) | cksum))
BASE_STAMP := .venv/base-$(call checksum,requirements/base.txt requirements/build.txt pyproject.toml)
DEV_STAMP := .venv/dev-$(call checksum,requirements/dev.txt)
SYNAPSE_STAMP := .venv-synapse/synapse-$(call checksum,requirements/synapse.txt)

.PHONY: help demo test long check bench lint types format lock servers clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(BASE_STAMP) ## run everything here, with a simulated HubSpot and messaging service; Ctrl-C ends it
	@exec $(BIN)/relay demo

test: check $(SYNAPSE_STAMP) servers ## lint, check types and layers, and run every test
	@$(PYTEST) -m 'not long' $(ARGS)

long: $(DEV_STAMP) $(SYNAPSE_STAMP) servers ## run the tests that hold more of the same: other databases, brokers, files, outages
	@$(PYTEST) -m long $(ARGS)

check: lint types ## lint, types and layers, no tests

bench: $(BASE_STAMP) ## measure receiver, pipeline, scaling and limiter, each beside its raw parts
	@missed=0; for one in receiver pipeline scaling limiter; do $(BIN)/relay bench $$one $(ARGS) || missed=1; done; \
		exit $$missed

lint: $(DEV_STAMP) ## check style and layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo

types: $(DEV_STAMP) ## check types
	@$(BIN)/mypy

format: $(DEV_STAMP) ## format and fix what can be fixed safely
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

servers: ## install the servers that the tests run against, where this user may
	@tests/servers/install

lock: $(DEV_STAMP) ## resolve the dependencies anew; `make lock ARGS=--upgrade` takes newer versions
	@compile() { $(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.11 --fork-strategy fewest \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate \
		--custom-compile-command 'make lock' $(ARGS) "$$@"; }; \
	compile pyproject.toml --output-file requirements/base.txt; \
	compile pyproject.toml --group dev --constraints requirements/base.txt --output-file requirements/dev.txt; \
	compile --group build --constraints requirements/base.txt --output-file requirements/build.txt; \
	compile --group synapse --output-file requirements/synapse.txt

clean: ## remove what these commands made
	rm -rf .venv .venv-synapse .*_cache .hypothesis .coverage build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One that could not be finished is removed, so that the next run begins anew.
.venv/pyvenv.cfg .venv-synapse/pyvenv.cfg:
	@$(if $(PYTHON),,echo "Python 3.11 or newer is needed and none was found; name one with 'make PYTHON=...'." >&2; exit 1)
	@$(PYTHON) -m venv --clear $(@D) >/dev/null || { rm -rf $(@D); \
		echo "$(PYTHON) cannot create a virtual environment; on Debian and Ubuntu install python3-venv." >&2; exit 1; }

$(BASE_STAMP): | .venv/pyvenv.cfg
	@echo "Installing the relay into .venv ..."
	@$(BIN)/python $(LOCKED) -r requirements/base.txt -r requirements/build.txt
	@$(BIN)/python $(COMPILE) .venv/lib >/dev/null || true
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@rm -f .venv/base-* && touch $@

$(DEV_STAMP): $(BASE_STAMP)
	@echo "Installing what the tests need into .venv ..."
	@$(BIN)/python $(LOCKED) -r requirements/dev.txt
	@$(BIN)/python $(COMPILE) .venv/lib >/dev/null || true
	@rm -f .venv/dev-* && touch $@

$(SYNAPSE_STAMP): | .venv-synapse/pyvenv.cfg
	@echo "Installing Matrix Synapse for the tests into .venv-synapse ..."
	@.venv-synapse/bin/python $(LOCKED) -r requirements/synapse.txt
	@.venv-synapse/bin/python $(COMPILE) .venv-synapse/lib >/dev/null || true
	@rm -f .venv-synapse/synapse-* && touch $@
