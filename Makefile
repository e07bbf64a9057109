# make demo   environment, package, demonstration on implanted lesions (about ten minutes)
# make test   environment with the test extras, static checks, tests
# make quick  the same without the slow tests (killed runs, clusters, the whole road): while you work
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip

# On Linux the default torch wheel brings gigabytes of CUDA; without an NVIDIA driver they are of no use.
ifeq ($(shell uname -s),Linux)
ifeq ($(shell command -v nvidia-smi),)
TORCH_INDEX ?= --retries 1 --extra-index-url https://download.pytorch.org/whl/cpu
endif
endif

.PHONY: demo test quick lint docs clean

demo: $(VENV)/.package
	$(BIN)/rnnet_demo --out rnnet_demo

test: $(VENV)/.test lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

quick: $(VENV)/.test lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

lint: $(VENV)/.test
	$(BIN)/python -m pip check
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(VENV)/.torch: constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --disable-pip-version-check -q -c constraints.txt $(TORCH_INDEX) torch==2.13.0
	touch $@

$(VENV)/.package: $(VENV)/.torch setup.py
	$(PIP) install --disable-pip-version-check -q -c constraints.txt -e .
	touch $@

$(VENV)/.test: $(VENV)/.package
	$(PIP) install --disable-pip-version-check -q -c constraints.txt -e ".[test]"
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info

docs: $(VENV)/.package
	$(BIN)/python documentation/make_reference.py
