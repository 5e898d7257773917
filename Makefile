# From nothing but Python 3.11 or newer, make and a package index. `make help` lists what there is.

BIN := .venv/bin
ENV := .venv/installed
WHEEL := build/wheel
# One more than the cores that a small machine has: some tests wait for servers and for each other.
WORKERS ?= 3
PYTEST := $(BIN)/pytest --numprocesses $(WORKERS) --dist worksteal
MIGRATIONS = $(wildcard migrations/billing_migrations/sql/*.sql)

# Where bytecode may not be kept, each of the many processes that are started compiles everything again: seconds each.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install dev test test-unit test-system test-stripe test-long bench flat soak mutation check reference format lock clean

help: ## Shows this list.
	@awk -F ': .*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

dev: $(ENV) ## Runs everything on this machine: databases, sandbox Stripe, API, worker. ARGS='--port 8100' passes options on.
	@exec $(BIN)/billing dev $(ARGS)

test: $(ENV) wheel ## Runs the unit, contract and end-to-end tests on the built wheel.
	PYTHONPATH=$(CURDIR)/$(WHEEL) $(PYTEST) $(ARGS)

test-unit: $(ENV) ## Runs the tests of each part by itself, on the sources, with few examples: nothing is started.
	HYPOTHESIS_PROFILE=quick $(PYTEST) tests/unit $(ARGS)

test-system: $(ENV) ## Runs the tests that need a system package; installs it (Chromium, PgBouncer) where absent.
	scripts/install-package 'The browser tests' 'chromium fonts-liberation' chromium chromium-browser google-chrome
	scripts/install-package 'The tests through PgBouncer' pgbouncer pgbouncer
	$(BIN)/pytest tests/system $(ARGS)

test-stripe: $(ENV) ## Runs what we send against Stripe's own test mode: needs TEST_STRIPE_SECRET_KEY, a test key.
	$(BIN)/pytest tests/stripe $(ARGS)

test-long: $(ENV) ## Runs the tests with a hundred times the examples, and servers that are cut off under load.
	HYPOTHESIS_PROFILE=nightly $(PYTEST) tests/unit tests/component tests/contract tests/long $(ARGS)

bench: $(ENV) ## Measures everything beside peers into docs/explanation/performance.md; installs wrk, Node where absent.
	scripts/install-package 'The benchmark' wrk wrk
	scripts/install-package 'The peers of the benchmark' 'nodejs npm' npm
	$(BIN)/python -m benchmarks $(ARGS)

flat: $(ENV) ## Measures the same paths at 1,000 and at USERS learners (default 1,000,000: 42 GB of disk), in one run.
	$(BIN)/python -m benchmarks.flat --users $(or $(USERS),1000000) $(ARGS)

soak: $(ENV) ## Runs a server and a worker under mixed load for MINUTES (default 60) and looks whether anything grows.
	scripts/install-package 'What asks' nodejs node
	$(BIN)/python -m benchmarks.soak --minutes $(or $(MINUTES),60) $(ARGS)

mutation: $(ENV) ## Changes the domain one place at a time and says which changes no test notices. MODULES='refunds' picks.
	$(BIN)/python -m scripts.mutation $(MODULES)

check: $(ENV) ## Checks style, types, import contracts, security, migrations, vulnerabilities and the lock.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(if $(MIGRATIONS),$(BIN)/squawk $(MIGRATIONS))
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive -ll src migrations scripts
	$(BIN)/python scripts/audit.py
	$(BIN)/uv pip check --quiet --python $(BIN)/python
	$(BIN)/pytest -q tests/architecture/test_lock.py

reference: $(ENV) ## Writes docs/reference/python.md from the code.
	$(BIN)/python scripts/python_reference.py

format: $(ENV) ## Formats the sources and sorts their imports.
	$(BIN)/ruff check --select I --fix
	$(BIN)/ruff format

lock: $(ENV) ## Compiles requirements.lock from pyproject.toml. ARGS='--upgrade' takes newer versions.
	$(call with_python,lock $(ARGS))

install: $(ENV) ## Makes .venv from requirements.lock; every other target does it when needed.

clean: ## Removes the environment, builds and caches; data of `make dev` stays.
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: wheel
wheel: $(ENV)
	@rm -rf build
	@$(BIN)/hatchling build -t wheel -d build >/dev/null
	@$(BIN)/python -m zipfile -e build/*.whl $(WHEEL)
	@$(BIN)/python -m compileall -q $(WHEEL)  # else each of the processes that start side by side does

# What runs is asked, not what is named: a name may be a version manager's shim, or lack the means to make environments.
# It looks for the quickest there is, unless it is named: PYTHON=/path/to/python3.
FIT = import sys, venv; from importlib.util import find_spec; \
      sys.exit(sys.version_info < (3, 11) or not (find_spec("pip") or find_spec("ensurepip")))
define with_python
	@for name in $(or $(PYTHON),python3.14 python3.13 python3.12 python3.11 python3); do \
	    if "$$name" -c '$(FIT)' >/dev/null 2>&1; then \
	        "$$name" -m scripts.environment $(1); exit; \
	    fi; \
	done; \
	echo 'No Python 3.11 or newer with its venv module was found: install one (Debian: apt-get install python3-venv),' >&2; \
	echo 'or name it: make PYTHON=/path/to/python3.13' >&2; \
	exit 1
endef

$(ENV): pyproject.toml requirements.lock scripts/environment.py scripts/quickest_python.py
	$(call with_python,install $(if $(PYTHON),--with-this))
	@touch $@
