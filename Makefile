# Every way in: type `make`. Nothing is installed outside the checkout but missing system packages, and those only
# where that needs no password. Arguments go through: make test ARGS="-k slip -x"

PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JS := tests/js
JS_READY := $(JS)/node_modules/.ready
PAGES := relay/web/pages

PIP_INSTALL := -m pip --disable-pip-version-check install --quiet
PIP_WHEEL := -m pip --disable-pip-version-check wheel --quiet --no-index --no-deps --no-build-isolation
PIP_TOOLS := pip-tools==7.6.2

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup pages demo test check format screens bench bench-uplink wheel vectors pins clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  ARGS="…" goes on to demo, test, bench, bench-uplink and pins.'
	@echo '  PYTHON=python3.12 makes .venv with another Python, 3.11 or newer (after make clean, if there is one).'

setup: $(READY) ## make .venv and build the pages; does nothing while pins and sources stand
	$(call need,command -v npm,nodejs npm,the pages are left out and browsers are told so)
	@if command -v npm >/dev/null; then $(BIN)/python -m relay.web.build; fi

pages: $(READY) ## build the pages into relay/web/built, as setup does; without Node it fails
	$(BIN)/python -m relay.web.build

demo: setup ## run the main job on real figures, from phones to the centre's receipts
	$(BIN)/relay demo $(ARGS)

test: setup $(JS_READY) ## run the tests; says which are left out where a system package is missing
	$(call need,command -v openssl,openssl,the tests that hold certificates against openssl are left out)
	$(call need,PATH="$$PATH:/usr/sbin:/sbin" command -v ip,iproute2,the tests between hosts of their own are left out)
	$(call need,{ PATH="$$PATH:/usr/sbin:/sbin"; command -v mount.exfat-fuse && command -v mkfs.exfat && command -v fusefat && command -v mkfs.vfat; },exfat-fuse exfatprogs fusefat dosfstools,the tests on real FAT and exFAT are left out)
	$(call need,command -v rsync,rsync,the tests of a peer that the uplink is measured against are left out)
	$(need-chromium)
	$(call in-pages,npm test --silent,the tests of the pages are left out)
	$(BIN)/python -m pytest --numprocesses=auto --dist=loadfile $(ARGS)

check: setup ## check format, lint and types, and change nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(call in-pages,npm run --silent check,the pages are not checked)

format: setup ## lay out the code and sort its imports
	$(BIN)/ruff check --select I --fix .
	$(BIN)/ruff format .
	$(call in-pages,npm run --silent format,the pages are not laid out)

screens: setup ## photograph every screen of the pages into tests/browser/screens, on a phone and on a desk
	$(need-chromium)
	$(BIN)/python -m tests.browser.take_screens $(ARGS)

bench: setup ## measure, and print the figures with the machine they were measured on
	$(call need,command -v wrk,wrk,what puts load on with wrk is left out)
	$(need-chromium)
	$(BIN)/python -m tests.bench $(ARGS)

bench-uplink: setup ## the same job over bad links, for this relay and its peers; as root at packet level
	$(call need,PATH="$$PATH:/usr/sbin:/sbin" command -v ip,iproute2,links are emulated by a proxy)
	$(call need,{ command -v rsync && command -v curl && command -v nncp-call; },rsync curl nncp,peers are left out)
	$(BIN)/python -m tests.bench.uplink $(ARGS)

wheel: setup ## make the package for a Raspberry Pi, pages included, in dist
	$(BIN)/python $(PIP_WHEEL) --wheel-dir dist .
	rm -rf build

vectors: setup ## write the protocol's test vectors anew; a vector that changes is a protocol that changed
	$(BIN)/python -m tests.vectors.generate

pins: ## write requirements*.txt anew from pyproject.toml; ARGS=--upgrade takes newer releases
	$(need-python)
	@set -eu; tools=$$(mktemp -d); trap 'rm -rf "$$tools"' EXIT; \
	$(PYTHON) -m venv "$$tools"; \
	"$$tools/bin/python" $(PIP_INSTALL) $(PIP_TOOLS); \
	compile() { \
	  CUSTOM_COMPILE_COMMAND='make pins' "$$tools/bin/pip-compile" --quiet --generate-hashes --strip-extras \
	    --allow-unsafe --all-build-deps --no-emit-options --no-emit-index-url --no-emit-trusted-host \
	    --no-emit-find-links $(ARGS) --output-file "$$@" pyproject.toml; }; \
	compile requirements.txt; \
	compile requirements-dev.txt --extra dev --extra demo --constraint requirements.txt

clean: ## remove everything that these targets made, .venv included
	rm -rf $(VENV) $(JS)/node_modules $(PAGES)/node_modules relay/web/built relay.egg-info build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find relay tests -type d -name __pycache__ -prune -exec rm -rf {} +

# The stamp comes last: a setup that was interrupted begins again, and changed pins get a .venv with nothing older in it.
$(READY): requirements-dev.txt
	$(need-python)
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python $(PIP_INSTALL) --require-hashes --requirement requirements-dev.txt
	$(BIN)/python $(PIP_INSTALL) --no-index --no-deps --no-build-isolation --editable .
	@touch $@

# Without it only the tests that hold messages against another implementation are left out, so failing is no error.
$(JS_READY): $(JS)/package.json $(JS)/package-lock.json
	$(call need,command -v npm,nodejs npm,the tests against a JavaScript implementation are left out)
	@if command -v npm >/dev/null; then cd $(JS) && \
	  if npm ci --omit=optional --loglevel=error; then touch node_modules/.ready; else \
	  echo 'make: npm ci failed: the tests against a JavaScript implementation are left out' >&2; fi; fi

# $(call need,COMMAND THAT SUCCEEDS IF IT IS THERE,DEBIAN PACKAGES,WHAT FOLLOWS IF NOT): installs what is missing as
# root or with a sudo that asks nothing; where that fails it says what follows, and the target goes on.
define need
@has() { $(1) >/dev/null 2>&1; }; has && exit 0; \
as_root() { if [ "$$(id -u)" = 0 ]; then "$$@"; else sudo -n "$$@"; fi; }; \
if command -v apt-get >/dev/null && as_root true 2>/dev/null; then \
  echo 'make: installing from Debian: $(2)'; as_root apt-get update -qq; \
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $(2) >/dev/null; \
fi; \
has || echo 'make: $(3); to change that: apt-get install $(2)' >&2
endef

define need-chromium
$(call need,{ command -v chromium && command -v certutil; },chromium libnss3-tools,what needs a real browser is left out)
endef

# $(call in-pages,COMMAND,WHAT FOLLOWS IF THERE IS NO NODE): runs it where the pages are.
define in-pages
@if command -v npm >/dev/null; then $(BIN)/python -m relay.web.build --modules-only && cd $(PAGES) && $(1); \
else echo 'make: there is no npm: $(2)' >&2; fi
endef

# Debian keeps what a .venv needs in python3-venv, or python3.12-venv for python3.12.
define need-python
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
  { echo 'make: $(PYTHON) is not Python 3.11 or newer; name one that is: make PYTHON=python3.12 setup' >&2; exit 1; }
$(call need,$(PYTHON) -c "import ensurepip",$(notdir $(PYTHON))-venv,$(PYTHON) cannot make a .venv)
@$(PYTHON) -c 'import ensurepip' 2>/dev/null
endef
