# The commands of users and contributors. Every target first installs what it needs into .venv, if that is missing.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/runtime-installed
DEV := $(VENV)/dev-installed
HOSTS := $(VENV)/hosts-installed
FAST := "not slow and not docker and not browser and not game"
NODE_DEV := node_modules/dev-installed
SUPPLY := $(VENV)/supply
SUPPLY_TOOLS := $(SUPPLY)/installed
LOCK := $(SUPPLY)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --constraint constraints.txt
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --no-deps

# Without a cache of bytecode, every process of a command and of a test compiles the project's modules again.
unexport PYTHONDONTWRITEBYTECODE

# Values reach the shell as environment variables, and never as part of a command's text.
unexport SEED PORT MINUTES
export VWE_MAKE_SEEDS := $(value SEED)
export VWE_MAKE_PORT := $(value PORT)
export VWE_MAKE_MINUTES := $(value MINUTES)

.PHONY: help world test test-fast coverage soak kernels lint lint-js docs ui hosts deploy lock sbom audit clean
.DELETE_ON_ERROR:

help:
	@echo "make world SEED=HHcLC5acQt   build a world, or several: SEED=\"one two\""
	@echo "make ui                      serve Dagster's pages on this machine, at PORT=3001 if given"
	@echo "make deploy                  build and start everything in containers, see docs/how-to/deployment.md"
	@echo "make hosts                   install the packages for several hosts, see docs/how-to/several-hosts.md"
	@echo "make test                    check everything: style, types, all tests, the fast ones first"
	@echo "make test-fast               run the tests without Docker, browser and mono, in 183 s on 2 cores"
	@echo "                             once the kernels are compiled; no style, no types"
	@echo "make coverage                run the fast tests, and check that they cover 81 % of the code"
	@echo "make soak MINUTES=30         share a pool while its processes and engines are killed and stopped"
	@echo "make lint                    check style and types"
	@echo "make lint-js                 check the JavaScript and the CI workflow, with Node.js"
	@echo "make docs                    build the documentation as web pages; vwe docs opens them"
	@echo "make lock                    write requirements/ from pyproject.toml and constraints.txt"
	@echo "make sbom                    write build/sbom.cdx.json, the packages of a deployment, as CycloneDX"
	@echo "make audit                   look up known vulnerabilities of these packages, on the internet"
	@echo "make clean                   remove .venv and caches; worlds and the Dagster instance stay"

ifeq ($(strip $(value SEED)),)
world:
	@echo "Name the seed of the world, such as: make world SEED=HHcLC5acQt" >&2; exit 2
else
world: $(RUNTIME)
	@set -f; exec $(BIN)/vwe world -- $$VWE_MAKE_SEEDS
endif

test: $(DEV)
	@$(MAKE) --no-print-directory --jobs 2 lint lint-js kernels
	$(BIN)/python -m pytest -n auto

# Python tests only: nothing that pyproject.toml marks as slow or as needing Docker, Chromium or mono.
test-fast: $(DEV)
	$(BIN)/python -m pytest -n auto -m $(FAST)

# Coverage of the fast tests, in their own processes. Not part of `make test`: tracing takes 43 % more CPU time.
coverage: $(DEV)
	$(BIN)/python -m pytest -n auto -m $(FAST) --cov

# Not part of `make test`, which includes a soak of some seconds.
soak: $(DEV)
	@VWE_EXPLORATION_DEPTH=8 $(BIN)/python -m pytest --quiet vwe_dagster_tests/pool/test_exploration.py
	@$(BIN)/python -m vwe_dagster_tests.pool.soak --minutes "$${VWE_MAKE_MINUTES:-30}"

# Compiles all kernels on one core, while style and types are checked on another. Test processes that need the same
# kernels concurrently would each compile them.
kernels: $(DEV)
	@home=$$(mktemp -d); trap 'rm -rf "$$home"' EXIT; \
		VWE_HOME="$$home" VWE_POOL_IDLE_MINUTES=0.1 $(BIN)/vwe world --size 64 HHcLC5acQt >"$$home/log" 2>&1 \
		|| { cat "$$home/log" >&2; exit 1; }

lint: $(DEV)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache

# A developer may work without Node.js; a CI machine must have it.
lint-js:
	@if command -v npm >/dev/null; then \
		$(MAKE) --no-print-directory --quiet $(NODE_DEV) && npm run --silent lint; \
	elif [ -n "$$CI" ]; then \
		echo "npm is missing; on Debian: apt install nodejs npm" >&2; exit 1; \
	else \
		echo "npm is missing, so the JavaScript and the CI workflow are not checked" >&2; \
	fi

docs: $(DEV)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "The documentation is in build/docs; open it with: $(BIN)/vwe docs"

ui: $(RUNTIME)
	@exec $(BIN)/vwe ui $${VWE_MAKE_PORT:+--port "$$VWE_MAKE_PORT"}

# A new host compiles the kernels now: several engines that compile them concurrently can exceed their start timeout.
hosts: $(HOSTS)
	$(BIN)/python -c "from vwe_dagster.engine.native import NativeEngine; NativeEngine().warm()"

deploy: deploy/.env
	docker compose -f deploy/compose.yaml up --build --detach

deploy/.env:
	@umask 077; { \
		echo "GRAFANA_PASSWORD=$$($(PYTHON) -c 'import secrets; print(secrets.token_hex(12))')"; \
		echo "DOCKER_GID=$$(stat -c %g /var/run/docker.sock)"; \
		echo "VWE_HOME=/srv/vwe"; } > $@.new && mv $@.new $@

# The hashes of every file of each version that constraints.txt pins: pip accepts no other file.
lock: $(SUPPLY_TOOLS)
	$(LOCK) pyproject.toml requirements/build.in --output-file requirements/runtime.txt
	$(LOCK) pyproject.toml requirements/build.in --extra dev --output-file requirements/dev.txt
	$(LOCK) pyproject.toml requirements/build.in --extra deploy --extra hosts --extra kubernetes --extra formats --extra publish --output-file requirements/deploy.txt
	$(LOCK) deploy/engine/requirements.txt --output-file requirements/engine.txt
	$(LOCK) requirements/supply.in --output-file requirements/supply.txt
	$(LOCK) requirements/uv.in --output-file requirements/uv.txt

sbom: $(SUPPLY_TOOLS)
	@mkdir -p build
	$(SUPPLY)/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --output-format JSON \
		--output-file build/sbom.cdx.json requirements/deploy.txt

audit: $(SUPPLY_TOOLS)
	$(SUPPLY)/bin/pip-audit --require-hashes --disable-pip --requirement requirements/dev.txt \
		--requirement requirements/deploy.txt --requirement requirements/supply.txt

clean:
	rm -rf $(VENV) node_modules build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*
	find vwe_dagster vwe_dagster_tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUNTIME): pyproject.toml requirements/runtime.txt
	$(require_python)
	@$(PYTHON) requirements/install.py $(VENV) runtime
	@touch $@

$(DEV): pyproject.toml requirements/dev.txt
	$(require_python)
	@$(PYTHON) requirements/install.py $(VENV) dev
	@touch $(RUNTIME) $@

# The packages of a deployment: those of several hosts, and some more.
$(HOSTS): pyproject.toml requirements/deploy.txt
	$(require_python)
	@$(PYTHON) requirements/install.py $(VENV) deploy
	@touch $(RUNTIME) $@

$(SUPPLY_TOOLS): requirements/supply.txt
	$(require_python)
	@$(PYTHON) -m venv --clear $(SUPPLY)
	@$(SUPPLY)/bin/python $(PIP_INSTALL) --require-hashes --requirement requirements/supply.txt
	@touch $@

$(NODE_DEV): package.json package-lock.json
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

define require_python
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "This needs Python 3.11 or later as $(PYTHON); install it, or name another: make PYTHON=python3.12" >&2; exit 1; }
endef
