# Every target wraps one thoth-infra command: `make plan ENV=staging` is `thoth-infra plan --env staging`.
# Each target's help stands behind its ##; `make help` prints them.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

ENV ?= staging
PYTHON ?= python3
# Further options of the command, for instance: make plan ARGS=--emulate
ARGS ?=

VENV := .venv
STAMP := $(VENV)/.installed
THOTH := $(VENV)/bin/thoth-infra
LOCK := requirements/dev.lock
AUDIT := .thoth/audit
IMAGE_LOCKS := $(addprefix requirements/,$(addsuffix .lock,api audio-extraction transcription music-terms))
RUN = $(THOTH) $(1) --env $(ENV) $(ARGS)

.PHONY: help venv demo test drill drill-workers drill-estate drill-api drill-page drill-pull-request drill-deploys drill-foresight drill-operations drill-switches drill-logs drill-docs lint reference fmt-code bench bench-workers bench-api sbom scan rehearse policy lock
.PHONY: status start-services stop-services restart-service logs insights exec dlq gpu-status images images-push images-list deploy rollback
.PHONY: doctor bootstrap cost simulate
.PHONY: init plan apply destroy plan-target fmt validate clean output drift render check

help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\nENV=%s (dev, staging, production); ARGS= passes further options.\n' '$(ENV)'

##@ Start here

demo: $(STAMP) ## Plan staging on an emulated AWS, and take a sample lesson through the whole system: no account
	@$(THOTH) plan --env staging --emulate --summary text
	@if command -v ffmpeg >/dev/null; then $(THOTH) local demo; \
	  else echo 'the sample lesson is left out: it needs FFmpeg (Debian: ffmpeg)'; fi

venv: $(STAMP) ## Make .venv from the hashed lock

$(STAMP): $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 …")'
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@echo 'installing locked dependencies into $(VENV) …'
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

##@ Before anything else (ENV=)

doctor: $(STAMP) ## Look at machine, credentials, account and estate, and tell what mends what is wrong
	@$(call RUN,doctor)

bootstrap: $(STAMP) ## Make the account's state bucket and GitHub's OIDC provider; shows them and asks
	@$(call RUN,bootstrap)

##@ Terraform (ENV=)

init: $(STAMP) ## Prepare providers, modules and state
	@$(call RUN,init)

plan: $(STAMP) ## Render, plan and seal the plan
	@$(call RUN,plan)

plan-target: $(STAMP) ## Plan one resource or module: TARGET=module.ai_services
	@test -n "$(TARGET)" || { echo 'give TARGET=, for instance TARGET=module.ai_services' >&2; exit 2; }
	@$(THOTH) plan-target '$(TARGET)' --env $(ENV) $(ARGS)

apply: $(STAMP) ## Apply the sealed plan
	@$(call RUN,apply)

destroy: $(STAMP) ## Show what goes, ask, and destroy the environment
	@$(call RUN,destroy)

fmt: $(STAMP) ## Format the rendered tree
	@$(call RUN,fmt)

validate: $(STAMP) ## Let Terraform validate the rendered tree
	@$(call RUN,validate)

output: $(STAMP) ## Print the outputs
	@$(call RUN,output)

drift: $(STAMP) ## Tell what changed outside Terraform
	@$(call RUN,drift)

clean: $(STAMP) ## Remove provider folders and saved plans; never state
	@$(call RUN,clean)

##@ Operations (ENV=)

status: $(STAMP) ## Show services, roll-outs, queues and what is wrong: ARGS=--watch
	@$(call RUN,status)

start-services: $(STAMP) ## Start the services as they were when they were stopped
	@$(call RUN,start-services)

stop-services: $(STAMP) ## Bring every service to zero and remember what it was
	@$(call RUN,stop-services)

restart-service: $(STAMP) ## Replace a service's tasks: SERVICE=transcription
	@test -n "$(SERVICE)" || { echo 'give SERVICE=, for instance SERVICE=transcription' >&2; exit 2; }
	@$(THOTH) restart-service '$(SERVICE)' --env $(ENV) $(ARGS)

deploy: $(STAMP) ## Replace the services' images, prove them, go back if anything fails: ARGS='--tag 1.5.0'
	@$(call RUN,deploy)

rollback: $(STAMP) ## Undo the deployment under way, or the last one
	@$(call RUN,rollback)

logs: $(STAMP) ## Show a service's log: SERVICE=api, ARGS='--follow --since 1h'
	@test -n "$(SERVICE)" || { echo 'give SERVICE=, for instance SERVICE=api' >&2; exit 2; }
	@$(THOTH) logs '$(SERVICE)' --env $(ENV) $(ARGS)

insights: $(STAMP) ## Run a saved query: QUERY=failed-jobs, ARGS='--since 1d'; without QUERY, list them
	@$(THOTH) insights $(if $(QUERY),'$(QUERY)') --env $(ENV) $(ARGS)

exec: $(STAMP) ## Open a shell in a running task: SERVICE=api, ARGS='-- ls -l' for one command
	@test -n "$(SERVICE)" || { echo 'give SERVICE=, for instance SERVICE=api' >&2; exit 2; }
	@$(THOTH) exec '$(SERVICE)' --env $(ENV) $(ARGS)

dlq: $(STAMP) ## List the dead letters' queues, or show those of QUEUE=transcription
	@$(THOTH) dlq $(if $(QUEUE),show '$(QUEUE)',list) --env $(ENV) $(ARGS)

gpu-status: $(STAMP) ## Show the GPU hosts: what is free, how busy, how old
	@$(call RUN,gpu-status)

images: $(STAMP) ## Build the container images: ARGS='transcription --network host'
	@$(THOTH) images build $(ARGS)

images-push: $(STAMP) ## Push the images that were built, and record their digests in environments/ENV.images.lock
	@$(call RUN,images push)

images-list: $(STAMP) ## List what the registry has, which of it is locked and which runs
	@$(call RUN,images list)

##@ Review

policy: $(STAMP) ## Check the rendered trees and their plans, on an emulated AWS
	@$(THOTH) policy --emulate $(ARGS)

cost: $(STAMP) ## Estimate what the environment costs a month: ARGS='--lines --audio-hours 250'
	@$(call RUN,cost)

simulate: $(STAMP) ## Play a workload through the rendered environment: ARGS='--jobs-per-hour 20 --shape week'
	@$(call RUN,simulate)

##@ Without an account

# All three, unless one is named: make rehearse ENV=staging
rehearse: $(STAMP) ## Apply, plan again and destroy each environment (or ENV=) on an emulated AWS
	@failed=; for env in $(if $(filter file,$(origin ENV)),dev staging production,$(ENV)); do \
	  $(THOTH) rehearse --env "$$env" $(ARGS) || failed="$$failed $$env"; done; \
	  test -z "$$failed" || { echo "rehearsals that fall short:$$failed" >&2; exit 1; }

##@ Work on this project

render: $(STAMP) ## Render every environment into terraform/
	@$(THOTH) render

check: $(STAMP) ## Check configuration and committed trees
	@$(THOTH) env check
	@$(THOTH) render --check

test: $(STAMP) ## Run the tests (with the share of the code that they run: ARGS=--cov)
	@$(VENV)/bin/python -m pytest -n 2 --dist loadgroup $(ARGS)

drill: $(STAMP) ## Run the slow tests, without those of the switches
	@$(VENV)/bin/python -m pytest -m slow --ignore tests/switches $(ARGS)

drill-estate: $(STAMP) ## Whole environments on the emulator: applied, enforced, drifted, rehearsed, scanned
	@$(VENV)/bin/python -m pytest -n 2 --dist loadgroup -m slow -rs \
	  --ignore tests/review/cost --ignore tests/review/plans --ignore tests/cli/test_foresight.py \
	  tests/alarms tests/cli tests/emulator tests/iam tests/local tests/review tests/workflows $(ARGS)

drill-foresight: $(STAMP) ## Real plans priced and reviewed, waits against theory, cheaper values found and held to (half an hour)
	@$(VENV)/bin/python -m pytest -n 2 -m slow -rs tests/review/cost tests/review/plans tests/simulate tests/cli/test_foresight.py $(ARGS)

drill-workers: $(STAMP) ## Kill workers, fill disks, let SQS fail: 200 jobs must come through
	@$(VENV)/bin/python -m pytest -m slow -rs -s tests/workers/test_drill.py tests/workers/test_resume.py $(ARGS)

drill-api: $(STAMP) ## Kill API, orchestrator and Postgres under 500 jobs; make up requests; upload 2 GB
	@$(VENV)/bin/python -m pytest -n 2 -m slow -rsP --ignore tests/workers/api/page --ignore tests/workers/api/test_container.py \
	  tests/workers/api $(ARGS)

drill-page: $(STAMP) ## Look at the web page in Chromium: accessibility, scripts in names, correction, glossary
	@$(VENV)/bin/python -m pytest -n 2 --dist loadgroup -m slow -rs tests/workers/api/page $(ARGS)

drill-deploys: $(STAMP) ## Deployments, stops, starts and reports that go wrong in every way that has a name
	@$(VENV)/bin/python -m pytest -m slow -rs -n 2 --ignore tests/deploy/test_killed.py --ignore tests/deploy/test_truth.py \
	  --ignore tests/operations/test_applied.py tests/deploy tests/operations $(ARGS)

drill-operations: $(STAMP) ## Kill deployments at every call, and let everything else go wrong with them
	@$(VENV)/bin/python -m pytest -m slow -rs -n 2 tests/deploy tests/faults tests/operations $(ARGS)

drill-pull-request: $(STAMP) ## Run the steps of the pull request's workflow here, without its tests, on an emulated AWS
	@$(VENV)/bin/python -m tests.workflows.run --skip test $(ARGS)

drill-switches: $(STAMP) ## Plan every switch of the estate on an emulated AWS, and apply some (half an hour)
	@$(VENV)/bin/python -m pytest -m slow tests/switches $(ARGS)

drill-logs: $(STAMP) ## Follow 10,000 lines a second: in order, none lost or twice, memory flat (a minute)
	@$(VENV)/bin/python -m pytest -m slow -rs -s tests/cli/test_logs_follow.py $(ARGS)

drill-docs: $(STAMP) ## Type what README and the tutorial show, on an emulated AWS, and compare what is printed
	@$(VENV)/bin/python -m pytest -m slow -rs tests/docs $(ARGS)

lint: $(STAMP) ## Run ruff, mypy and the shell checks
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@for script in terraform-docker.sh scripts/*.sh .ci/run; do bash -n "$$script"; done

reference: $(STAMP) ## Write docs/reference anew from the code
	@$(VENV)/bin/python -m thoth_infra.cli.reference

fmt-code: $(STAMP) ## Format the Python code
	@$(VENV)/bin/ruff check --fix --quiet . && $(VENV)/bin/ruff format .

bench: $(STAMP) ## Measure speed, as ratios within one run
	@$(VENV)/bin/python -m tests.bench $(ARGS)

bench-workers: $(STAMP) ## Measure the workers beside what they wrap, and their memory
	@$(VENV)/bin/python -m tests.workers.bench $(ARGS)

bench-api: $(STAMP) ## Measure the API beside FastAPI alone, and a long list beside a short one
	@$(VENV)/bin/python -m tests.workers.api.bench $(ARGS)

sbom: $(AUDIT)/.installed ## Write a bill of materials of each image's packages into dist/sbom
	@mkdir -p dist/sbom
	@for lock in $(IMAGE_LOCKS); do name=$$(basename "$$lock" .lock); \
	  $(AUDIT)/bin/cyclonedx-py requirements "$$lock" --output-file "dist/sbom/$$name.cdx.json"; \
	  echo "dist/sbom/$$name.cdx.json"; done

scan: $(AUDIT)/.installed ## Look for known vulnerabilities in each image's packages (asks the package index)
	@failed=; for lock in $(IMAGE_LOCKS); do echo "$$lock"; \
	  $(AUDIT)/bin/pip-audit --disable-pip --no-deps --require-hashes --requirement "$$lock" \
	  --progress-spinner off || failed="$$failed $$lock"; done; \
	  test -z "$$failed" || { echo "known vulnerabilities:$$failed" >&2; exit 1; }

$(AUDIT)/.installed: requirements/audit.lock
	@$(PYTHON) -m venv $(AUDIT)
	@$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

lock: ## Lock the dependencies anew (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --extra emulator --extra simulate --group dev pyproject.toml -o $(LOCK)
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  requirements/policy.in -o requirements/policy.lock
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  requirements/audit.in -o requirements/audit.lock
	@for image in api audio-extraction music-terms "transcription gpu"; do \
	  uv pip compile --quiet --python-version 3.12 --python-platform x86_64-manylinux_2_28 --generate-hashes \
	  --no-emit-index-url $$(printf -- '--group pyproject.toml:%s ' $$image) \
	  -o "requirements/$${image%% *}.lock"; done
