PYTHON ?= python3
STUDY ?= demo
CORES ?= 2
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DVC_NO_ANALYTICS := 1

# Snakemake and DVC keep a cache below HOME; where nothing can be written there, it is in this folder.
ifneq ($(shell mkdir -p "$${XDG_CACHE_HOME:-$$HOME/.cache}" 2>&1 && test -w "$${XDG_CACHE_HOME:-$$HOME/.cache}" && echo yes),yes)
export XDG_CACHE_HOME := $(CURDIR)/.snakemake/cache
endif

.PHONY: help run paper site serve bot test test-cluster test-conda lint format env lock schema dvc graph clean

help:           ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

run: env        ## run a study (STUDY=demo); it ends with its models and its verdict
	LUNGFUSE_BRIEF=1 snakemake --cores $(CORES) --quiet host reason --config study=$(STUDY)

paper: env      ## print the report of a study (STUDY=demo) as results/<study>/report.pdf (needs Chromium)
	python workflow/scripts/paper.py results/$(STUDY)/report.html

site: env       ## build the documentation and all results as a site, build/site/index.html
	python workflow/scripts/make_site.py build/site

serve: env      ## serve the trained models of the demo, and of other studies, at http://127.0.0.1:8000/
	@ls results/*/models > /dev/null 2>&1 || LUNGFUSE_BRIEF=1 snakemake --cores $(CORES) --quiet host reason --config study=demo
	python -m lungfuse_service serve

bot: env        ## run the Telegram bot beside a worker (LUNGFUSE_SERVICE_TELEGRAM_TOKEN); `make serve` does too
	python -m lungfuse_service bot

test: env lint  ## run all tests
	pytest -n $(CORES) --durations=15

test-cluster: env  ## run the demo on a Slurm of this machine's own; skipped where none can be installed
	timeout --signal=KILL 1500 pytest -m cluster --durations=15 tests/cluster

test-conda: env  ## run the demo with --use-conda, on a stand-in for conda
	timeout --signal=KILL 1500 pytest -m conda --durations=15 tests/conda

lint: env       ## check style, spelling and the workflow
	codespell
	codespell --dictionary docs/wording.txt README.md CHANGELOG.md CONTRIBUTING.md docs/*.md
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow
	snakemake --lint

format: env     ## rewrite the code in the project's style
	ruff check --fix .
	ruff format .
	snakefmt Snakefile workflow

env: .venv/installed  ## make .venv from requirements.lock

# torch comes first: what depends on it would else pull a newer one.
.venv/installed: requirements.lock
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet "$$(grep '^torch==' requirements.lock)"
	.venv/bin/python -m pip install --quiet --requirement requirements.lock
	.venv/bin/python -m pip install --quiet --no-deps --editable .
	.venv/bin/python -m pip check
	touch $@

lock:           ## write requirements.lock anew, from the newest versions that pyproject.toml allows
	rm -rf .venv-lock
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet "$$(grep -o 'torch==[0-9.]*' pyproject.toml)"
	.venv-lock/bin/python -m pip install --quiet ".[workflow,fusion,segmentation,service,dev]"
	.venv-lock/bin/python -m pip freeze --exclude lungfuse | sed 's/+cpu$$//' > requirements.lock
	rm -rf .venv-lock

schema: env     ## write the JSON schema of params.yaml
	python -m lungfuse schema

dvc: env        ## write dvc.yaml from the Snakefile
	python workflow/scripts/dvc_stages.py

graph: env      ## draw docs/workflow.svg from the Snakefile (needs Graphviz)
	snakemake --config study=demo --rulegraph dot -- results/demo/report.html results/demo/provenance.html \
	| sed -E 's/, color = "[^"]*"//' | tred \
	| dot -Tsvg -Gnodesep=.15 -Granksep=.28 -Nmargin=.08,.03 -Nheight=.3 -Nfontsize=12 -Ncolor="#0072B2" -Npenwidth=1.3 \
		-Epenwidth=1 -Earrowsize=.6 > docs/workflow.svg

clean:          ## remove what a study made, but no raw files
	rm -rf results/$(STUDY) logs/$(STUDY) $(filter-out data/raw/%,$(wildcard data/*/$(STUDY)))
