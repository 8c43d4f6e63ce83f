# make run     bring the jester to life (SHOW=skull for Mr. Bones, or a show file of yours)
# make test    everything that is tested, with the real servers and a real browser
# make lint    style, types, the walls between the rooms
# make bench   the figures, beside their limits (bench-long: those that take their time)
# make fuzz    look for what breaks the parsers, fifty times as far as the tests do
# make docs    the documents as a site, in site/
# make dev     both sides reload while you write
#
# Each sets up what it needs, once. Nothing is installed outside this folder but Debian packages for the tests.

SHELL := /bin/sh
PYTHON ?= python3
SHOW ?=
BIN := .venv/bin
UV := $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraint constraints.txt
EXTRAS := embedded,whisper,faster-whisper,ja,piper,livekit,azure,mcp,device,echo,postgres,lan,discord,tiktok
PYTEST := $(BIN)/python -m pytest
AGAIN := $(PYTEST) --last-failed --last-failed-no-failures none
WEB := $(shell find web/src web/public web/index.html web/vite.config.ts characters -type f 2>/dev/null)
WINDOWS := src/marotte/gateway/windows/index.html

.PHONY: run test lint bench bench-long fuzz docs dev clean
.DELETE_ON_ERROR:

run: .make/core $(WINDOWS)
	@$(BIN)/marotte run $(SHOW)

test: .make/dev .make/node $(WINDOWS)
	@.ci/need inspircd chromium flite postgresql nginx caddy libopus0
	# What failed is tried twice more by itself: a machine that stalled is no bug, and a bug fails again.
	$(PYTEST) -n 4 --dist loadfile -m 'not alone' || $(AGAIN) -m 'not alone' || $(AGAIN) -m 'not alone'
	$(PYTEST) -m alone || $(AGAIN) -m alone || $(AGAIN) -m alone
	npm --prefix web run --silent test

lint: .make/dev .make/node
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	npm --prefix web run --silent check
	npm --prefix web run --silent lint

bench: .make/dev $(WINDOWS)
	@.ci/need inspircd chromium
	$(BIN)/python -m bench

bench-long: .make/dev $(WINDOWS)
	@.ci/need inspircd chromium
	$(BIN)/python -m bench --long

fuzz: .make/dev
	MAROTTE_FUZZ=long $(BIN)/python -m pytest tests/fuzz --timeout 3600

docs: .make/dev
	@$(BIN)/python -m tools.docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "the documents are in site/index.html"

dev: .make/dev .make/node
	@trap 'kill 0' INT TERM EXIT; \
	  $(BIN)/watchfiles --filter python "$(BIN)/marotte run --no-browser $(SHOW)" src & \
	  npm --prefix web run --silent dev

clean:
	rm -rf .make .venv web/node_modules src/marotte/gateway/windows site

$(BIN)/uv:
	@.ci/need-venv $(PYTHON)
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

.make/core: pyproject.toml constraints.txt | $(BIN)/uv
	@mkdir -p .make
	@echo "installing Marotte into .venv …"
	@$(UV) --editable '.[embedded]'
	@touch $@

.make/dev: .make/core
	@echo "installing what tests and benches need into .venv …"
	@$(UV) --editable '.[$(EXTRAS)]' --group dev
	@$(UV) --no-deps whisper-live==0.10.0
	@touch $@

.make/node: web/package.json web/package-lock.json
	@.ci/need-node
	@mkdir -p .make
	@echo "installing the front end's packages …"
	@npm --prefix web install --no-save --silent --no-audit --no-fund
	@touch $@

$(WINDOWS): $(WEB) | .make/node
	@echo "building the windows …"
	@npm --prefix web run --silent build -- --logLevel warn
	@touch $@
