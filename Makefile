# A thin face: the work is in tools/. `make help` lists what there is.
PYTHON ?= python3
PYTEST := -m pytest --numprocesses=auto --maxprocesses=4 --dist=worksteal
ARGS ?=
BIN := .venv/bin

.PHONY: help demo test quick check bench floors soak docs lock sbom wheel

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

demo: ## everything on this machine with virtual meters; ARGS=--once ends by itself
	@$(PYTHON) tools/setup.py demo
	@$(BIN)/python -m central.cli demo $(ARGS)

test: ## set up, all checks, all tests; ARGS go to pytest
	@$(PYTHON) tools/setup.py test
	@$(BIN)/python tools/check.py
	@$(BIN)/python $(PYTEST) $(ARGS)

quick: ## unit and property tests in small, of what changed against origin/main; ARGS=--all for all
	@$(PYTHON) tools/setup.py test
	@$(BIN)/python tools/quick.py $(ARGS)

check: ## set up, then style, types and import contracts alone
	@$(PYTHON) tools/setup.py test
	@$(BIN)/python tools/check.py

bench: ## measure, and print what was measured
	@$(PYTHON) tools/setup.py test
	@$(BIN)/python -m pytest --bench -s tests/benchmarks $(ARGS)

floors: ## how much of the code its tests reach, held to the floors in pyproject.toml
	@$(PYTHON) tools/setup.py test
	@METERLINE_COVERAGE=1 $(BIN)/python $(PYTEST)

soak: floors ## the floors, then every test that has a size, at its full size; hours
	@$(PYTHON) tools/setup.py test
	@METERLINE_SOAK=1 $(BIN)/python $(PYTEST) $(ARGS)

texts: ## gather the texts of the pages into central/dashboard/locales/*.po
	@$(PYTHON) tools/setup.py test
	@$(BIN)/python tools/texts.py

docs: ## the documents as a site in dist/docs, with a picture of every screen; ARGS=--without-screens
	@$(PYTHON) tools/setup.py test
	@$(BIN)/python tools/docs.py $(ARGS)

lock: ## compile requirements/*.txt; ARGS=--upgrade for the newest
	@$(PYTHON) tools/setup.py test
	@$(BIN)/python tools/lock.py $(ARGS)

sbom: ## list what is installed with a release, with hashes and licences (CycloneDX), in dist/
	@$(PYTHON) tools/setup.py demo
	@$(BIN)/python tools/sbom.py

wheel: ## pack wheel and source archive into dist/, with the pages' scripts
	@$(PYTHON) tools/setup.py build
	@$(BIN)/python -m hatchling build
