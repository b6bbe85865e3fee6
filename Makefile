# Everything a person types. `make` alone lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup run test lint fix smoke shots bench drill hooks lock reset

# A Python >= 3.11 of this machine, to make .venv with: `make PYTHON=/opt/python3.12/bin/python setup` chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; exit; }; done; echo no-python)
PY := .venv/bin/python
T ?= tests
export PRM_DEVELOPMENT ?= 1

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-8s %s\n", $$1, $$2 }'

.PHONY: environment
environment:
	@[ "$(PYTHON)" != no-python ] || { echo "error: no Python >= 3.11 found: install one, or make PYTHON=/path/to/python …" >&2; exit 1; }
	@$(PYTHON) prm/dev/environment.py

setup: environment ## Make .venv, install the locks, make roles and database, migrate (quick when done)
	@$(PY) -m prm.dev.setup

run: environment ## Serve everything at http://127.0.0.1:8000 (PORT=8001 for another port); Ctrl-C stops it
	@$(PY) -m prm.dev.supervisor

test: setup ## Run all tests (T=tests/nps for some, ARGS=-x for pytest's own options)
	@$(PY) -m pytest -n auto $(T) $(ARGS)

lint: setup ## Check style, types, layers, migrations, templates and settings (ONLY=types for one)
	@$(PY) -m prm.dev.lint $(ONLY)

fix: environment ## Format and repair what ruff and djade can
	@.venv/bin/ruff check --fix --quiet . ; .venv/bin/ruff format --quiet . ; git ls-files 'templates/*.html' | xargs -r .venv/bin/djade

smoke: setup ## Drive the running system (or one started for it) through the whole flow, pictures in shots/smoke/
	@$(PY) -m prm.dev.smoke

shots: setup ## Save a picture of every page, both widths, light and dark, into shots/
	@$(PY) manage.py demo load --only second
	@$(PY) manage.py shots --practice second

bench: setup ## Measure beside limits and peers (CASE=search for one, QUICK=1 for small ones, CHECK=1 judges no bar)
	@$(PY) -m bench.run $(if $(CHECK),--check-only)

drill: setup ## Run the long tests: kills, faults, races (F=tests/dev for some)
	@$(PY) -m pytest -m drill $(or $(F),tests) $(ARGS)

hooks: ## Let git run ruff and djade on what is staged
	@git config core.hooksPath .githooks && echo "git now runs .githooks/pre-commit"

lock: environment ## Rewrite requirements*.lock from requirements*.in (UPGRADE=1 for the newest versions)
	@$(PY) -m prm.dev.locks

reset: environment ## Throw away the database and all of .prm/ (asks first; YES=1 answers)
	@$(PY) -m prm.dev.reset
