# Needs only python3 (3.11 or later) with pip and venv.
#   make lesson      train the reference job and show what it learned
#   make test        run the tests; with COVERAGE=yes check how many lines they cover
#   make setup       create the environment, .venv
#   make test-all    run the tests, including those that take minutes
#   make test-oldest run the engine's and the runs' tests with the oldest supported versions
#   make bench       measure speed against peers
#   make lint        check format, style and types
#   make docs        write docs/cli.md and the types of Python's options again
#   make samples     write the sample output in README.md and docs/ again, from real runs
#   make site        build the documentation site into site/
#   make lock        write the lock files again from pyproject.toml (UPGRADE=yes: with new versions)
#   make clean       remove the environments and caches, never runs/

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := python -m pip --disable-pip-version-check install --quiet
# What the lock files hold is compared with its hashes. torch is not in them: its CPU build and its
# builds for GPUs are different files of one version, and each brings its own libraries.
LOCKED := $(PIP) --no-deps --require-hashes --requirement
TORCH := torch==2.13.0
NOT_LOCKED := torch triton cuda-bindings cuda-pathfinder cuda-toolkit nvidia-cublas \
  nvidia-cuda-cupti nvidia-cuda-nvrtc nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft \
  nvidia-cufile nvidia-curand nvidia-cusolver nvidia-cusparse nvidia-cusparselt-cu13 \
  nvidia-nccl-cu13 nvidia-nvjitlink nvidia-nvshmem-cu13 nvidia-nvtx
LOCK := pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
  --no-annotate --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade) \
  $(NOT_LOCKED:%=--no-emit-package %)
LOCKER := .venv-lock
# One process per core, each running one file's tests at a time.
PYTEST := python -m pytest -q --numprocesses=logical --maxprocesses=8 --dist=loadfile
# Percentage of lines, two points below what COVERAGE=yes reports; processes that tests start are
# not counted.
COVERAGE_FLOOR := 85
OLDEST := .venv-oldest
KERNELS := $(wildcard src/clearsight/engine/kernels/*.[ch])
SAY := @printf '==> %s\n'

.PHONY: help setup lesson test test-all test-oldest bench lint docs samples site lock clean

help:
	@sed -n 's/^#   //p' Makefile

setup: $(VENV)/.installed

lesson: $(VENV)/.installed
	$(SAY) 'training the reference job on Fashion-MNIST (half a minute on two cores)'
	@$(BIN)/clearsight train fashion-mnist

test: $(VENV)/.installed-dev
	$(SAY) 'running the tests (some minutes on two cores)'
	@$(BIN)/$(PYTEST) $(if $(COVERAGE),--cov=clearsight --cov-report=term:skip-covered \
	  --cov-fail-under=$(COVERAGE_FLOOR))

test-all: $(VENV)/.installed-dev
	$(SAY) 'running all tests, including slow ones (twenty minutes on two cores)'
	@$(BIN)/$(PYTEST) -m ''

test-oldest: $(OLDEST)/.installed
	$(SAY) 'running the tests of engine, training and runs with the oldest supported versions'
	@$(OLDEST)/bin/$(PYTEST) tests/engine tests/training tests/run

bench: $(VENV)/.installed-dev
	$(SAY) 'measuring how fast the command line starts'
	@$(BIN)/python benchmarks/startup.py
	$(SAY) 'measuring the overhead of fit around a training step'
	@$(BIN)/python benchmarks/bookkeeping.py
	$(SAY) 'measuring how fast a training is beside another one'
	@$(BIN)/python benchmarks/beside_another_job.py
	$(SAY) 'measuring the cost of checkpoints'
	@$(BIN)/python benchmarks/checkpoints.py
	$(SAY) 'measuring how fast a folder of images is decoded, next to peers'
	@$(BIN)/python benchmarks/decoding.py
	$(SAY) 'measuring how fast a bundle predicts, next to Keras on TensorFlow'
	@$(BIN)/python benchmarks/prediction.py
	$(SAY) 'measuring how many images per second a server classifies, next to a naive one'
	@$(BIN)/python benchmarks/serving.py
	$(SAY) 'training on images four times larger than the memory allowed (root on Linux)'
	@$(BIN)/python benchmarks/larger_than_memory.py
	$(SAY) 'measuring accuracy and time of each recipe, next to Keras on TensorFlow (ten minutes)'
	@$(BIN)/python benchmarks/recipes.py
	$(SAY) 'measuring training and prediction next to peers (half an hour on two idle cores)'
	@$(BIN)/python benchmarks/speed.py
	$(SAY) 'measuring networks of many kinds next to peers (an hour on two idle cores)'
	@$(BIN)/python benchmarks/networks.py

lint: $(VENV)/.installed-dev
	$(SAY) 'checking format, style and types'
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright

docs: $(VENV)/.installed-dev
	@$(BIN)/python docs/make_cli_reference.py
	@$(BIN)/python docs/make_option_types.py

samples: $(VENV)/.installed-dev
	$(SAY) 'running what the documentation shows the output of (a minute on two cores)'
	@$(BIN)/python docs/make_samples.py

site: $(VENV)/.installed-dev
	$(SAY) 'building the documentation site, with notebooks that are run (a minute on two cores)'
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict
	$(SAY) 'site/index.html opens in a browser; to search it: python3 -m http.server --directory site'

lock:
	@$(PYTHON) -m venv $(LOCKER)
	@$(LOCKER)/bin/$(PIP) uv
	@echo '$(TORCH)' > $(LOCKER)/torch.txt
	@$(LOCKER)/bin/uv $(LOCK) --constraint $(LOCKER)/torch.txt --extra report --extra onnx \
	  --extra pretrained --output-file requirements.lock
	@$(LOCKER)/bin/uv $(LOCK) --constraint $(LOCKER)/torch.txt --constraint requirements.lock \
	  --extra report --extra onnx --extra pretrained --extra serve --extra dev \
	  --output-file requirements-dev.lock
	@rm -rf $(LOCKER)

clean:
	rm -rf $(VENV) $(OLDEST) $(LOCKER) src/clearsight/engine/kernels/*.so .pytest_cache .ruff_cache .hypothesis

$(VENV)/bin/python $(OLDEST)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "clearsight needs Python 3.11 or later, but $(PYTHON) is older or missing:" \
	    "try make PYTHON=python3.12" >&2; exit 2; }
	$(SAY) 'creating the environment $(@:/bin/python=)'
	@$(PYTHON) -m venv $(@:/bin/python=) || { rm -rf $(@:/bin/python=); \
	  echo "$(PYTHON) cannot create an environment: install its venv package (on Debian:" \
	    "apt install python3-venv)" >&2; exit 2; }

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml requirements.lock $(KERNELS)
	$(SAY) 'installing clearsight (torch is large: a few minutes the first time)'
	@$(BIN)/$(LOCKED) requirements.lock
	$(SAY) 'installing $(TORCH), the only part whose hash is not checked'
	@$(BIN)/$(PIP) '$(TORCH)'
	@$(BIN)/$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	$(SAY) 'installing the tools for tests and checks'
	@$(BIN)/$(LOCKED) requirements-dev.lock
	@$(BIN)/python -m pip --disable-pip-version-check check
	@touch $@

$(OLDEST)/.installed: $(OLDEST)/bin/python pyproject.toml constraints-oldest.txt $(KERNELS)
	$(SAY) 'installing clearsight with the oldest supported versions'
	@$(OLDEST)/bin/$(PIP) --constraint constraints-oldest.txt --editable '.[report,onnx,pretrained]' \
	  pytest pytest-xdist hypothesis
	@touch $@
