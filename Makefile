# make run     set up, then grade the sample class in submissions/
# make test    set up, then lint, types and all tests
# make bench  set up, then measure against nbgrader and otter (DATA=mnist.npz); about an hour
# make torch   add PyTorch, for notebooks that use it (a few hundred MB on the CPU, several GB with CUDA)
# make cluster add Dask, for many machines (docs/cluster.md)
# make lock    resolve the dependencies anew (needs uv)
# make clean   remove what set-up made; grades and feedback stay

VENV   := .venv
FITS   := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
# Tests wait for kernels half of the time, so three at a time take less than two do on two cores. A file is one job, since
# its kernels are shared by its tests.
JOBS   ?= 3
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
            $$name -c '$(FITS)' 2>/dev/null && { echo $$name; break; }; done)
INSTALL = $(VENV)/bin/python -m pip install --disable-pip-version-check --no-input --require-hashes
UNABLE  = { rm -rf $(VENV); echo "$(1)" >&2; exit 1; }

.PHONY: run test bench set-up cluster torch torch-or-not sandbox lock clean

run: $(VENV)/ready sandbox
	$(VENV)/bin/python -m autograder run submissions/

test: $(VENV)/ready-for-tests torch-or-not sandbox
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

# DATA: the MNIST file as Keras keeps it; nbgrader and otter are installed below build/tools.
bench: $(VENV)/ready-for-tests sandbox
	@test -f "$(DATA)" || { echo "Name the MNIST file: make bench DATA=~/.keras/datasets/mnist.npz" >&2; exit 1; }
	$(VENV)/bin/python benchmarks/graders.py $(DATA) --tools build/tools
	$(VENV)/bin/python benchmarks/overhead.py $(DATA)
	$(VENV)/bin/python benchmarks/starts.py
	$(VENV)/bin/python benchmarks/reuse.py --data $(DATA) --epochs 2
	$(VENV)/bin/python benchmarks/smoke.py submissions/amina-diallo.ipynb --data $(DATA)
	$(VENV)/bin/python benchmarks/robustness.py $(DATA)

set-up: $(VENV)/ready sandbox

torch: $(VENV)/ready $(VENV)/torch

cluster: $(VENV)/ready requirements-cluster.txt
	$(INSTALL) -r requirements-cluster.txt

# Tests that need PyTorch are skipped, visibly, where it cannot be had.
torch-or-not: $(VENV)/ready-for-tests
	@$(MAKE) --no-print-directory $(VENV)/torch || echo "PyTorch could not be installed: its tests will be skipped."

# A stamp per lock file: a changed lock is installed, an unchanged one costs nothing.
$(VENV)/ready: requirements.txt | $(VENV)/bin/python
	$(INSTALL) -r requirements.txt
	@$(command)
	@touch $@

$(VENV)/ready-for-tests: requirements-test.txt | $(VENV)/bin/python
	$(INSTALL) -r requirements-test.txt
	@$(command)
	@touch $@ $(VENV)/ready

# Without hashes: which build it is (CPU, CUDA, macOS) differs from machine to machine.
$(VENV)/torch: requirements-torch.txt
	$(VENV)/bin/python -m pip install --disable-pip-version-check --no-input -r requirements-torch.txt
	@touch $@

# Instead of an editable install, which would need a build tool that no lock file holds: this folder on the path of
# the environment, and a command beside its python.
define command
pwd > "$$($(VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/autograder.pth" && \
printf '#!/bin/sh\nexec "$$(dirname "$$0")/python" -m autograder "$$@"\n' > $(VENV)/bin/autograder && \
chmod +x $(VENV)/bin/autograder
endef

$(VENV)/bin/python:
	@test -n "$(PYTHON)" && $(PYTHON) -c '$(FITS)' || \
	  { echo "autograder needs Python 3.11, 3.12 or 3.13; found: $$(python3 --version 2>&1)." >&2; \
	    echo "Name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || \
	  $(call UNABLE,$(PYTHON) cannot make a virtual environment: on Debian and Ubuntu install python3-venv.)

sandbox:
	@.ci/sandbox

lock:
	uv pip compile --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
	  pyproject.toml --output-file requirements.txt
	uv pip compile --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
	  pyproject.toml --extra cluster --constraint requirements.txt --output-file requirements-cluster.txt
	uv pip compile --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
	  pyproject.toml --extra test --constraint requirements-cluster.txt --output-file requirements-test.txt

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
