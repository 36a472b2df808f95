# Two commands from bare Python 3:  make book   make test
PY       ?= python3
VENV     ?= .venv
SCHEDULE ?= reduced
BIN      := $(VENV)/bin
STAMP    := $(VENV)/.installed
# Tests go file by file to whichever process is free, in the order of tests/conftest.py. Pages often wait: one more.
FILES    := --dist loadfile --no-loadscope-reorder
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: help env book test lint strip clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 10

env: $(STAMP)  ## .venv with everything the course needs
$(STAMP): pyproject.toml constraints.txt tools/fix_cpu_wheels.py
	@$(PY) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 10) <= v <= (3, 13) else "Python %d.%d: this project is tested with 3.10 to 3.13; try  make PY=python3.11" % v)'
	$(PY) -m venv $(VENV)
	$(BIN)/python -m pip install -qq --upgrade pip
	$(BIN)/python -m pip install -qq --no-compile -c constraints.txt -e ".[book,dev,offline]"
	$(BIN)/python -m compileall -qq -j 2 $(VENV)/lib || true  # pip would do it on one core; templates do not compile
	$(BIN)/python tools/fix_cpu_wheels.py
	touch $@

book: env  ## run the chapters that have changed (SCHEDULE=reduced|full|smoke, ARGS=--force) and render all
	$(BIN)/python tools/stage.py --schedule $(SCHEDULE) --out _build/book $(ARGS)
	@echo "open _build/book/_build/html/index.html"

test: env lint  ## the library, every chapter at the smoke schedule, and the pages in a browser
	$(BIN)/python -m compileall -q avslib  # tests start many processes; some machines never keep what they compile
	$(BIN)/python -m pytest -m "not book" -n 2 $(FILES)
	$(BIN)/python tools/stage.py --schedule smoke --out _build/test-book
	AVS_BOOK=_build/test-book $(BIN)/python -m pytest -m book -n 3 $(FILES)

lint: env  ## ruff, mypy, and notebooks without outputs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/nbstripout --verify --keep-id --extra-keys "$(STRIP)" book/*.ipynb

STRIP := metadata.widgets metadata.papermill metadata.language_info cell.metadata.papermill
strip: env  ## take outputs out of the notebooks before a commit
	$(BIN)/nbstripout --keep-id --extra-keys "$(STRIP)" book/*.ipynb

clean:  ## remove everything that was built
	rm -rf _build
