# The verbs. PYTHON=python3.12 make setup chooses the interpreter; ARGS="-k name" goes to pytest.
export OPENBLAS_NUM_THREADS := 1
PYTHON ?= python3
PYTEST = .venv/bin/python -m pytest -n auto $(ARGS)
.PHONY: setup demo test test-all bench evidence lint clean

setup:
	@PYTHON="$(PYTHON)" sh generators/setup.sh

demo: setup
	.venv/bin/taxonn demo

test: setup
	$(PYTEST) -m "not slow"

test-all: setup
	$(PYTEST)

bench: setup
	.venv/bin/taxonn bench -o out/bench $(ARGS)

evidence: setup
	.venv/bin/python generators/evidence.py $(ARGS)

lint: setup
	.venv/bin/ruff check .

clean:
	rm -rf build dist out .pytest_cache .ruff_cache .hypothesis
