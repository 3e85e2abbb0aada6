# The two commands of the README, and their friends.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready

.PHONY: setup demo test test-full check bench study gen clean

$(STAMP): pyproject.toml constraints.txt CMakeLists.txt scripts/setup
	PYTHON="$(PYTHON)" scripts/setup $(VENV)
	@touch $@

setup: $(STAMP)

demo: $(STAMP)
	$(BIN)/edgesynth demo --out out/demo

study: $(STAMP)
	$(BIN)/edgesynth demo --seeds 0,1,2 --out out/study

test: $(STAMP)
	scripts/test $(VENV)

test-full: $(STAMP)
	scripts/test $(VENV) --full

check: $(STAMP)
	scripts/check

bench: $(STAMP)
	scripts/bench $(VENV)

gen: $(STAMP)
	$(BIN)/python scripts/gen

clean:
	rm -rf build dist out .pytest_cache .ruff_cache .mypy_cache
