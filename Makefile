# Both commands set up everything they need, in the folder .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check quick manual gallery install clean

demo: .venv/.installed ## draw images with planted failures, analyse them, build the site
	$(BIN)/barlow-report demo

test: .venv/.installed-dev ## every check: format, lint, types, tests in a browser
	sh tests/install-chromium.sh
	sh tests/install-wordnet.sh
	sh tests/install-fiftyone.sh
	$(BIN)/python -m tests.check

quick: .venv/.installed-dev ## the same without slow and browser tests
	$(BIN)/python -m tests.check -m "not slow and not browser"

manual: .venv/.installed-dev ## the manual as a site, in site/manual
	$(BIN)/python -m barlow_report.manual

gallery: .venv/.installed-dev ## the same with the three reports of its gallery, whole
	$(BIN)/python -m barlow_report.manual --gallery

install: .venv/.installed

.venv/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/.installed-dev: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ .venv/.installed

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache build dist
