# Every install step of Vigil stands here. Override on the line: make test PYTHON=python3.12
PYTHON ?= python3
UV ?= uv
BROKER_ARGS ?=
BENCH_ARGS ?=
TRIAL_ARGS ?=
CONFIG ?=
WHY ?=
ASSESS_ARGS ?=
NOISE_ARGS ?=
SURVEY_ARGS ?=
MITIGATION_ARGS ?=
AUDIT_ARGS ?=
CAPACITY_ARGS ?=
DATA ?= ../shared/data
DEMO_ARGS ?=
FUZZ_ARGS ?=
TUTORIALS ?= docs/start.md docs/update.md docs/tutorials/alerting.md docs/tutorials/audit.md docs/tutorials/retraining.md
PYTEST_ARGS ?= -n 2 --dist loadgroup

VENV := .venv
DEV := .venv-dev
PIP := -m pip --disable-pip-version-check --no-input --quiet
PACKAGES := ingest inference training fairness deploy
NPM := $(patsubst %,tests/deploy/%/node_modules/.package-lock.json,console/axe manifests/crds)

.DEFAULT_GOAL := help
.PHONY: help demo test screenshots docs tutorials check format bench bench-peers kafka mosquitto gateway-trial train assess noise results survey mitigation audits capacity proto sbom dependencies fuzz lock clean distclean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.installed ## watch several patients being monitored (DEMO_ARGS="--duration 60")
	@if [ -t 1 ]; then mode=; else mode=--headless; fi; $(VENV)/bin/vigil demo $$mode $(DEMO_ARGS)

test: $(DEV)/.installed $(NPM) ## run the tests (PYTEST_ARGS="tests/ingest -x")
	$(DEV)/bin/python -m pytest $(PYTEST_ARGS)

# axe-core looks for what hinders people on the console's pages; the others hold the schemas of the
# operators whose objects the chart renders. Of them nothing ships.
tests/deploy/%/node_modules/.package-lock.json: tests/deploy/%/package-lock.json
	@if command -v npm >/dev/null; then cd $(<D) && npm ci --ignore-scripts --no-audit --no-fund --silent && touch node_modules/.package-lock.json; \
	else echo "no npm: the tests of $(<D) will skip" >&2; fi

screenshots: $(DEV)/.installed ## take the pictures of docs/console.md (needs Chromium)
	$(DEV)/bin/python -m tests.deploy.console.screenshots docs/figures/console

docs: $(DEV)/.installed ## build the site of the documentation into build/site
	NO_MKDOCS_2_WARNING=1 PYTHONPATH=. $(DEV)/bin/mkdocs build --quiet

tutorials: $(DEV)/.installed ## run the commands of the tutorials, and put their output in (TUTORIALS=docs/start.md)
	$(DEV)/bin/python -m deploy.site.tutorial --data $(DATA) $(TUTORIALS)

check: $(DEV)/.installed ## run the linter, the formatter's check and the type checker
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy --strict $(PACKAGES)

format: $(DEV)/.installed ## lay the code out as the check wants it
	$(DEV)/bin/ruff check --fix .
	$(DEV)/bin/ruff format .

bench: $(DEV)/.installed ## measure speed, latency and memory (BENCH_ARGS="NAME --json")
	$(DEV)/bin/vigil bench $(BENCH_ARGS)

bench-peers: $(DEV)/.installed requirements/bench.txt ## install what Vigil is compared with, for make bench
	$(DEV)/bin/python $(PIP) install --require-hashes --no-deps -r requirements/bench.txt

kafka: $(VENV)/.installed ## start one Apache Kafka on this machine (needs Java 17 and Maven)
	$(VENV)/bin/python -m deploy.kafka.broker $(BROKER_ARGS)

mosquitto: $(DEV)/.installed ## fetch the MQTT broker of the tests where it is not installed (needs apt)
	$(DEV)/bin/python -m deploy.mqtt.mosquitto

gateway-trial: $(DEV)/.installed ## kill the gateway through hours of cut uplink, into docs/gateway-trial.md (TRIAL_ARGS="--kills 50")
	$(DEV)/bin/python -m deploy.trials.gateway --records $(DATA)/mitdb --page docs/gateway-trial.md $(TRIAL_ARGS)

train: $(DEV)/.installed ## fit a model: make train CONFIG=training/configs/NAME.toml
	@test -n "$(CONFIG)" || { echo "say which: make train CONFIG=FILE, one of" training/configs/*.toml >&2; exit 2; }
	$(DEV)/bin/vigil train $(CONFIG)

assess: $(DEV)/.installed ## score the shipped models by EC57 into their cards: make assess WHY="..."
	@test -n "$(WHY)" || { echo 'say why DS2 is looked at: make assess WHY="..."' >&2; exit 2; }
	$(DEV)/bin/python -m training.assess --why "$(WHY)" $(ASSESS_ARGS)

survey: $(DEV)/.installed ## compare all systems in docs/survey.md (SURVEY_ARGS="--arms gru")
	$(DEV)/bin/python -m training.survey $(SURVEY_ARGS)

mitigation: $(DEV)/.installed ## compare mitigations by group, into docs/mitigation.md (MITIGATION_ARGS="--methods adversary")
	$(DEV)/bin/python -m training.mitigation training/configs/mitigation.toml $(MITIGATION_ARGS)

# An audit exits with its verdict, 1 or 3 where groups differ or too little is known: only 2 is an error.
AUDIT = $(DEV)/bin/vigil audit --declaration docs/audits/$@/declaration.toml --out docs/audits/$@ $(AUDIT_ARGS)
VERDICT = || test $$? -ne 2
AUDITS := lead_i ludb mitdb-ds2 mitdb mitdb-alarms
.PHONY: $(AUDITS)

audits: $(AUDITS) ## audit the shipped models by groups of patients, into docs/audits (or one: make ludb)

lead_i ludb: $(DEV)/.installed
	$(AUDIT) --database $(DATA)/$@ $(VERDICT)

mitdb-ds2: $(DEV)/.installed
	$(AUDIT) --database $(DATA)/mitdb --records ds2 \
		--why "the shipped models by groups of patients, as declared; nothing is chosen by it" $(VERDICT)

mitdb mitdb-alarms: $(DEV)/.installed runs/audits/folds/folds.json
	$(AUDIT) --database $(DATA)/mitdb --folds runs/audits/folds \
		--why "all of mitdb by leaving patients out, by groups of patients; nothing is chosen by it" $(VERDICT)

runs/audits/folds/folds.json: | $(DEV)/.installed
	$(DEV)/bin/python -m training.adaptation.folds training/configs/beat.toml --data $(DATA) --out $(@D) --folds 2 \
		--why "the audit of all of mitdb by leaving patients out; these models serve nothing else"

noise: $(DEV)/.installed ## noise stress test beside gqrs and xqrs, into docs/noise.md (NOISE_ARGS="--jobs 2")
	$(DEV)/bin/python -m training.noise_stress $(if $(WHY),--why "$(WHY)") $(NOISE_ARGS)

results: $(DEV)/.installed ## put what was measured beside the goals, into docs/results.md
	$(DEV)/bin/python -m training.results_page

capacity: $(DEV)/.installed ## work out what many patients need, into docs/capacity.md (CAPACITY_ARGS="--patients 5000")
	$(DEV)/bin/python -m deploy.capacity $(CAPACITY_ARGS)

sbom: $(DEV)/.installed ## list what Vigil stands on, as CycloneDX, into build/sbom.json
	@mkdir -p build
	$(DEV)/bin/cyclonedx-py requirements requirements/runtime.txt --output-reproducible --of JSON -o build/sbom.json

dependencies: $(DEV)/.installed ## check that packages are pinned by hash, installed as locked, and licensed as agreed
	$(DEV)/bin/python -m deploy.security.dependencies requirements/runtime.txt

fuzz: $(DEV)/.installed ## feed mutated inputs to all readers (FUZZ_ARGS="--inputs 100000000 --out faults")
	$(DEV)/bin/python -m tests.fuzz $(FUZZ_ARGS)

proto: $(DEV)/.installed ## generate the Protobuf code again from ingest/frame.proto
	$(DEV)/bin/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. ingest/frame.proto

# What only reads or draws records stays out of the workers' images.
RECORDS := wfdb pandas scipy matplotlib fonttools pillow kiwisolver contourpy cycler pyparsing soundfile \
	aiohttp aiosignal aiohappyeyeballs frozenlist multidict propcache yarl
WORKER := $(foreach package,$(RECORDS),--no-emit-package $(package))

LOCK = $(UV) pip compile pyproject.toml --group build --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet

lock: ## resolve the lock files again (needs uv; UPGRADE=--upgrade takes newer versions)
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: install it, or say UV=PATH" >&2; exit 2; }
	$(LOCK) $(UPGRADE) --extra demo --extra gateway -o requirements/runtime.txt
	$(LOCK) $(UPGRADE) --extra gateway --extra tracing $(WORKER) -c requirements/runtime.txt -o requirements/worker.txt
	$(LOCK) $(UPGRADE) --extra gpu --no-emit-package onnxruntime $(WORKER) -c requirements/runtime.txt -o requirements/gpu.txt
	$(LOCK) $(UPGRADE) --extra train --extra audit --extra archive --extra cluster --extra registry -c requirements/runtime.txt -o requirements/trainer.txt
	$(LOCK) $(UPGRADE) --extra demo --extra gateway --extra archive --extra train --extra audit --extra cluster --extra registry --extra tracing --group docs --group dev -c requirements/runtime.txt -o requirements/dev.txt
	$(LOCK) $(UPGRADE) --extra bench -c requirements/dev.txt -o requirements/bench.txt

clean: ## remove what was built, but not the virtual environments
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis deploy/kafka/target deploy/mqtt/target
	find $(PACKAGES) tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove the virtual environments too
	rm -rf $(VENV) $(DEV)

# One environment is two stamps: the pinned packages, then Vigil itself on top.
# A stamp is younger than what it was made from, so the second time does nothing.
$(VENV)/.pinned: requirements/runtime.txt
$(DEV)/.pinned: requirements/dev.txt
$(VENV)/.pinned $(DEV)/.pinned:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Vigil needs Python 3.11 or newer; say which with make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 2; }
	@test -x $(@D)/bin/python || { echo "making $(@D)"; $(PYTHON) -m venv $(@D); }
	@echo "installing the pinned packages of $< into $(@D); the first time takes minutes"
	@$(@D)/bin/python $(PIP) install --require-hashes --no-deps -r $<
	@touch $@

%/.installed: %/.pinned pyproject.toml
	@$(@D)/bin/python $(PIP) install --no-deps --no-build-isolation -e .
	@touch $@
