# A fresh machine has python3 (3.11 or later) with venv, make and git: everything else is set up here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint lock bench clean
.DELETE_ON_ERROR:

$(VENV)/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "newsmill needs Python 3.11 or later: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: $(VENV)/installed
	$(BIN)/python -m examples.demo

test: $(VENV)/installed
	$(BIN)/python -m pytest

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/installed
	$(BIN)/python -m tests.benchmarks

# Needs uv; the lock names no index, so that any mirror serves it.
lock:
	uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
		pyproject.toml --group dev --output-file requirements.lock

clean:
	rm -rf $(VENV) build *.egg-info
