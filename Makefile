# From nothing but python3 (3.11 or later) with pip and venv:
#   make lesson   train the reference job and show what it learned
#   make test     run the tests

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
# A process a core, each with a file's tests at a time.
PYTEST := $(BIN)/python -m pytest -q --numprocesses=logical --maxprocesses=8 --dist=loadfile
KERNELS := $(wildcard src/clearsight/engine/kernels/*.[ch])
SAY := @printf '==> %s\n'

.PHONY: help setup lesson test test-all bench lint docs clean

help:
	@sed -n 's/^#   //p' Makefile
	@echo 'make setup    only make the environment, .venv'
	@echo 'make test-all also run the tests that take minutes'
	@echo 'make bench    measure speed against peers'
	@echo 'make lint     check format, style and types'
	@echo 'make docs     write docs/cli.md anew from --help'
	@echo 'make clean    remove .venv and caches, never runs/'

setup: $(VENV)/.installed

lesson: $(VENV)/.installed
	$(SAY) 'training the reference job on Fashion-MNIST (half a minute on two cores)'
	@$(BIN)/clearsight train fashion-mnist

test: $(VENV)/.installed-dev
	$(SAY) 'running the tests (some minutes on two cores)'
	@$(PYTEST)

test-all: $(VENV)/.installed-dev
	$(SAY) 'running all tests, the slow ones too (a quarter of an hour on two cores)'
	@$(PYTEST) -m ''

bench: $(VENV)/.installed-dev
	$(SAY) 'measuring how fast the command line starts'
	@$(BIN)/python benchmarks/startup.py
	$(SAY) 'measuring what fit costs around a training step'
	@$(BIN)/python benchmarks/bookkeeping.py
	$(SAY) 'measuring what checkpoints cost an epoch'
	@$(BIN)/python benchmarks/checkpoints.py
	$(SAY) 'measuring how fast a folder of images is decoded, beside peers'
	@$(BIN)/python benchmarks/decoding.py
	$(SAY) 'measuring how fast a bundle names images, beside Keras on TensorFlow'
	@$(BIN)/python benchmarks/prediction.py
	$(SAY) 'measuring how many images a server names, beside a naive one'
	@$(BIN)/python benchmarks/serving.py
	$(SAY) 'training on images that take four times the memory allowed (root on Linux)'
	@$(BIN)/python benchmarks/larger_than_memory.py
	$(SAY) 'measuring what the recipes give, and when, beside Keras on TensorFlow (ten minutes)'
	@$(BIN)/python benchmarks/recipes.py
	$(SAY) 'measuring training and prediction beside peers (half an hour on two idle cores)'
	@$(BIN)/python benchmarks/speed.py

lint: $(VENV)/.installed-dev
	$(SAY) 'checking format, style and types'
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright

docs: $(VENV)/.installed-dev
	@$(BIN)/python docs/make_cli_reference.py

clean:
	rm -rf $(VENV) src/clearsight/engine/kernels/*.so .pytest_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "clearsight needs Python 3.11 or later, but $(PYTHON) is another or not there:" \
	    "try make PYTHON=python3.12" >&2; exit 2; }
	$(SAY) 'making the environment $(VENV)'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "$(PYTHON) cannot make an environment: install its venv package (on Debian:" \
	    "apt install python3-venv)" >&2; exit 2; }

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt $(KERNELS)
	$(SAY) 'installing clearsight (torch is large: a few minutes the first time)'
	@$(PIP) --editable '.[report,onnx]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(SAY) 'installing the tools for tests and checks'
	@$(PIP) --editable '.[report,onnx,serve,dev]'
	@touch $@
