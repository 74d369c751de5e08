# Two commands matter: 'make course' (set up, build, execute every notebook) and 'make test'.
# Each target names one command; .venv is made first, once, and again only when a lock or pyproject.toml changes.
# Any Python from 3.9 on can begin: it brings uv, and uv finds or downloads Python 3.11.
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
BIN := .venv/bin

PORT ?= 8000
ADDRESS ?= 127.0.0.1
STUDENTS ?= 4
SPAWNER ?= simple
JOBS ?= 1
TIMEOUT ?= 300

.PHONY: course test lab hub serve lock build bench companions cluster-check clean
.DEFAULT_GOAL := course

.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) helpers/course/environment.py setup && touch $@

# What tests and authors need, on top.
.venv/.authors: .venv/.ready requirements-test.lock
	@$(PYTHON) helpers/course/environment.py authors && touch $@

course: .venv/.ready  ## execute every committed student notebook from a cold cache; results in build/. JOBS=2: two at a time
	@$(BIN)/vigilant run --cold --jobs $(JOBS)

test: .venv/.authors  ## format, lint, types and every test
	@$(BIN)/python -m helpers.course.testing

lab: .venv/.ready  ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab --notebook-dir=notebooks

hub: .venv/.ready  ## a JupyterHub on this machine: PORT, ADDRESS=0.0.0.0 for a room, STUDENTS, SPAWNER=docker
	@$(BIN)/vigilant hub --port $(PORT) --address $(ADDRESS) --students $(STUDENTS) --spawner $(SPAWNER)

serve: .venv/.ready  ## the model as a service on this machine: PORT, ADDRESS=0.0.0.0 for a room, OPTIONS=--despite-verdict=no-go
	@$(BIN)/vigilant serve --port $(PORT) --address $(ADDRESS) $(OPTIONS)

build: .venv/.authors  ## make the student and solution notebooks from notebooks/source
	@$(BIN)/vigilant build

lock: .venv/.ready  ## pyproject.toml -> both locks, environment.yml, the companions' locks; new versions: make lock OPTIONS=--upgrade
	@$(PYTHON) helpers/course/environment.py lock $(OPTIONS)
	@$(BIN)/python -m helpers.course.companions lock $(OPTIONS)

# What the benchmarks alone compare with, in a folder of its own: it asks for packages that nothing here may have.
.venv/.peers: .venv/.authors requirements-bench.lock $(wildcard benchmarks/servers/*.lock)
	@$(PYTHON) helpers/course/environment.py peers && touch $@

bench: .venv/.peers  ## time the course's explanations, attacks, private steps and service beside other libraries'
	@$(BIN)/vigilant bench

# Kernels of their own, for what cannot share an environment with the course; 'make course' needs none.
.venv/.companions: .venv/.ready $(wildcard notebooks/companions/*/requirements.lock notebooks/companions/*/pyproject.toml)
	@$(BIN)/python -m helpers.course.companions setup && touch $@

companions: .venv/.companions  ## the kernels of notebooks/companions: Fairness Indicators, TFMA and LIT (2.4 GB), Kubeflow Pipelines (0.4 GB), PySyft (0.4 GB)

cluster-check: .venv/.ready  ## the service end to end on the cluster that kubectl names: IMAGE, BUNDLE, TIMEOUT=300, OPTIONS=--keep
	@$(BIN)/python -m deploy.check --image '$(IMAGE)' --bundle '$(BUNDLE)' --timeout $(TIMEOUT) $(OPTIONS)

clean:  ## forget results, cached data and cached models
	rm -rf build
