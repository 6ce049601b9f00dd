# `make run` starts the monitor for this machine (PORT=8501); HOST=0.0.0.0 opens it to the network. `make test` runs everything except the long forms of some
# tests, which `make test-long` runs. Tests run in parallel (WORKERS=2), browser tests one at a time (BROWSERS=1).
# `make everyday PYTHON=python3.13 VENV=.venv-3.13` runs one part, on another Python.
# pytest exits with 5 if TESTS="…" leaves it no tests; that is no failure.

PYTHON ?= python3
PORT ?= 8501
HOST ?= 127.0.0.1
WORKERS ?= 2
BROWSERS ?= 1
BROWSING := tests/browser
VENV := .venv
BIN := $(VENV)/bin
PYTEST ?= $(BIN)/python -m pytest
SPREAD = --dist loadfile --no-loadscope-reorder # in the order of tests/support/longest_files.py
export PYTHONDONTWRITEBYTECODE := # compiling all tests again in each worker would take half a minute of every part

.PHONY: run test test-long test-full everyday everyday-browser long long-browser wheels bench lint types pictures detector-pictures clean

run: $(VENV)/run
	@case "$(HOST)" in 127.*|localhost|::1) ;; *) echo "HOST=$(HOST): every machine that reaches port $(PORT) \
	can now open the pages; SECURITY.md says what a visitor may do" ;; esac
	$(BIN)/streamlit run app.py --server.port $(PORT) --server.address $(HOST)

test: lint types everyday everyday-browser

test-long: long long-browser

everyday: $(VENV)/test
	$(PYTEST) -m "not long and not full and not browser" -n $(WORKERS) $(SPREAD) $(TESTS) || [ $$? -eq 5 ]

everyday-browser: $(VENV)/test
	$(PYTEST) -m "not long and not full and browser" -n $(BROWSERS) $(SPREAD) $(or $(TESTS),$(BROWSING)) || [ $$? -eq 5 ]

long: $(VENV)/test
	$(PYTEST) -m "long and not full and not browser" -n $(WORKERS) $(SPREAD) $(TESTS) || [ $$? -eq 5 ]

long-browser: $(VENV)/test
	$(PYTEST) -m "long and not full and browser" -n $(BROWSERS) $(SPREAD) $(or $(TESTS),$(BROWSING)) || [ $$? -eq 5 ]

# Whether every requirement has wheels for another Python, such as FOR=3.14; it downloads them and installs nothing.
wheels: $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --dry-run --only-binary=:all: --python-version $(FOR) --target build/wheels -r requirements.txt

# At full size, a hundred kills, ten million readings and ten thousand files: an hour or two, and some gigabytes of disk.
test-full: $(VENV)/test
	$(PYTEST) -m full $(TESTS) || [ $$? -eq 5 ]

# Every benchmark, up to five minutes each; NAMES="query restart" runs only some, ARGS=--full the long forms.
BENCHMARKS := pipeline tick rescore query analyses pages restart sessions memory soak http journal scale notify opcua mqtt modbus outputs detection
bench: $(VENV)/test
	@set -e; for name in $(or $(NAMES),$(BENCHMARKS)); do echo "$$name:"; $(BIN)/python -m sensormon bench $$name --json $(ARGS); done

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/test
	$(BIN)/mypy

# The pictures in docs/images, from the running app; `make pictures NAMES="live-dark phone"` takes only some.
pictures: $(VENV)/test
	$(BIN)/python -m tests.support.pictures $(NAMES)

# The pictures of docs/which_detector.md, in half a minute; NAMES as above.
detector-pictures: $(VENV)/test
	$(BIN)/python -m tests.support.detector_pictures $(NAMES)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run: $(VENV)/bin/python requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m compileall -q sensormon pages
	touch $@

$(VENV)/test: $(VENV)/run requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) .venv-* .pytest_cache .mypy_cache .ruff_cache .hypothesis
