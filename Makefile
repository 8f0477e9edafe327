# Everything starts here: `make help`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# stages and tests call `python` and `dvc`: those of the virtual environment
export PATH := $(CURDIR)/$(BIN):$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true

.DEFAULT_GOAL := help
.PHONY: help install reproduce report test test-fast lint tables bench portable ui lock clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(VENV)/installed ## make the virtual environment from requirements.lock (once)

# uv installs in a quarter of pip's time; compiled bytecode halves TensorFlow's import time
$(VENV)/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else "error: PYTHON=$(PYTHON) is Python %d.%d, allowed: 3.11 to 3.13" % v)'
	$(PYTHON) -m venv --clear $(VENV)
	awk '/^[^ ]/ {uv = /^uv==/} uv' requirements.lock > $(VENV)/uv.txt
	$(BIN)/python -m pip install --quiet --require-hashes -r $(VENV)/uv.txt
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes --compile-bytecode -r requirements.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

reproduce: install ## run the study in params.yaml and show its results
	latentlab reproduce
	latentlab results

report: install ## open the page of the study in params.yaml
	latentlab report

test: install ## every test, with coverage
	pytest --cov --cov-report=term-missing:skip-covered

test-fast: install ## the tests that take seconds
	pytest -m "not slow"

lint: install ## ruff, mypy and oxlint
	ruff check
	ruff format --check
	mypy
	oxlint --deny-warnings src/latentlab/report

tables: install ## write the tables in README and docs from the metrics that are there
	python -m benchmarks.results

bench: install ## compare training with Keras and PyTorch on an idle machine: docs/benchmarks.md
	python -m benchmarks.training
	python -m benchmarks.limit
	python -m benchmarks.scale
	if [ -n "$(MNIST)" ]; then python -m benchmarks.live --mnist $(MNIST); fi

portable: install ## compare bytes with those of emulated CPUs (an hour): docs/reproducibility.md
	python -m benchmarks.portable

ui: install ## MLflow's web page on loopback
	mlflow ui --backend-store-uri sqlite:///mlflow.db --host 127.0.0.1 --port 5000

lock: install ## resolve the newest versions that pyproject.toml allows
	uv pip compile --quiet --universal --fork-strategy fewest --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 --extra dev --extra cluster --upgrade pyproject.toml --output-file requirements.lock

clean: ## remove the virtual environment and every cache of a tool
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .coverage
