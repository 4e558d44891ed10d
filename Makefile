# make train, make test: each does all of its own set-up. See README.md and BUILD.md.
PYTHON_RUN := .venv/bin/python
WORKERS := 2

.PHONY: help train test test-browser test-slow test-cluster cluster-local soak check audit benchmark lock

help: ## Say what can be made.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

train: .venv/run.installed ## Set up, and train on the embedded data set until the learning rate has stepped down.
	$(PYTHON_RUN) main.py --flagfile=configs/quickstart.flags

cluster-local: .venv/run.installed ## Set up, and run a cluster job of WORKERS=2 and an evaluator here; FLAGS="..." are its flags.
	$(PYTHON_RUN) -m cluster.local --workers=$(WORKERS) $(if $(FLAGS),-- $(FLAGS))

test: .venv/dev.installed ## Set up, and run the test suite.
	$(PYTHON_RUN) -m pytest

test-browser: .venv/dev.installed ## Look at a run in TensorBoard with a real browser (needs Chromium and its driver).
	$(PYTHON_RUN) -m pytest -m browser

test-slow: .venv/dev.installed ## Kill runs, and see what they make of it.
	$(PYTHON_RUN) -m pytest -m slow

test-cluster: .venv/dev.installed ## Train on replicas and clusters, and make them fail; under Slurm, too, with its packages.
	$(PYTHON_RUN) -m pytest -m cluster

soak: .venv/dev.installed ## Kill runs at 30 random moments; each must end as one that was never interrupted.
	$(PYTHON_RUN) -m tests.soak

check: .venv/dev.installed ## Lint, formatting and types.
	$(PYTHON_RUN) -m ruff check .
	$(PYTHON_RUN) -m ruff format --check .
	$(PYTHON_RUN) -m mypy

audit: .venv/dev.installed ## Report known vulnerabilities of the locked packages (needs a network).
	tools/audit.sh

benchmark: .venv/run.installed .venv-benchmark/installed ## Measure it beside PyTorch and Keras; FLAGS="..." says which parts.
	$(PYTHON_RUN) -m benchmarks.run $(FLAGS)

lock: ## Write the lock files anew from pyproject.toml (needs uv).
	tools/lock.sh

.venv/%.installed: requirements/%.txt tools/setup.sh
	tools/setup.sh $*

.venv-benchmark/installed: requirements/benchmark.txt requirements/benchmark-gpu.txt tools/setup_benchmark.sh
	tools/setup_benchmark.sh
