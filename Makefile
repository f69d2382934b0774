# Everything sets itself up: a fresh machine with Python >= 3.11 and git needs nothing else.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: demo test lint types imports unit plain agents-real crash soak fuzz study clean

demo: .venv/.demo  ## install, then improve a policy on Gym-PushT until its success rate is certified
	$(BIN)/enpire run gym:gym_pusht/PushT-v0 $(DEMO_ARGS)

test: lint types imports unit  ## everything CI checks

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

imports: $(STAMP)
	$(BIN)/lint-imports

unit: $(STAMP)
	$(BIN)/pytest -n 2 $(PYTEST_ARGS)

plain: $(STAMP)  ## as root: the attacks once more, as a plain user
	$(BIN)/python -m tests.redteam.plain_user

agents-real: $(STAMP) .agents/.installed  ## Codex, Claude Code and Kimi Code against a scripted model; needs npm
	$(BIN)/pytest -m agents_real -rs tests/agents_real $(PYTEST_ARGS)

soak: $(STAMP)  ## two hours of a campaign with one fault a minute
	$(BIN)/python -m benchmarks.crash.soak --minutes $(or $(MINUTES),120)

crash: $(STAMP)  ## every storage call, every power cut, a thousand kills; hours
	$(BIN)/pytest -m slow tests/crash $(PYTEST_ARGS)
	$(BIN)/python -m benchmarks.crash.kills --kills 1000 --out $$(mktemp -d)/campaign

fuzz: $(STAMP)  ## a million damaged frames, pages, certificates and claims
	$(BIN)/python -m benchmarks.fuzz.run --cases 1000000 --seed 1

study: $(STAMP)  ## measure the decision rules again
	$(BIN)/python benchmarks/statistics/study.py --table all --repeats 200 --output benchmarks/statistics

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "enpire needs Python >= 3.11; found $$($(PYTHON) --version). Try: make PYTHON=python3.12"; exit 1; }
	@git --version >/dev/null || { echo "enpire needs git >= 2.38: apt-get install git"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.demo: $(BIN)/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(STAMP): $(BIN)/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ .venv/.demo

.agents/.installed: tests/agents_real/package.json
	@mkdir -p .agents && cp $< .agents/
	@npm install --prefix .agents --no-package-lock --no-audit --no-fund --loglevel error && touch $@ \
	  || echo "the coding agents could not be installed with npm; their tests skip"

clean:
	rm -rf .venv .agents dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
