# Every target sets up what it needs: a virtual environment in .venv, and for tests a browser.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS := 120
export HF_HUB_OFFLINE := 1

.PHONY: setup demo test check bench browser clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(STAMP)

# The audit of the new crawl must fail: leaks, drift and damage are really there. Anything else is an error.
demo: setup
	$(BIN)/corpus-audit run examples/baseline.yaml
	$(BIN)/corpus-audit run examples/demo.yaml; test $$? -eq 2
	@echo "Open runs/demo/latest/report.html"

test: setup browser
	$(BIN)/python -m pytest

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup
	$(BIN)/python -m benchmarks.run

# Debian's Chromium for the tests that open the report; without it and without root they are skipped, and say so.
browser:
	@command -v chromium >/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
		else echo "No chromium: the browser tests will be skipped (apt-get install chromium)"; fi; }

clean:
	rm -rf .venv runs
