# Each target first makes the Python environment in .venv when that is missing or older than its lists.
# Python 3.11 or later, make and git are all it takes. Other variables: CORES=2, GPU=1, PYTHON=/path/to/python3.

PYTHON ?=
CORES ?= all
SEEDS ?= 1
GPU ?= 0
MATHJAX = 3.2.2
REQUIREJS = 2.3.8
HTML_MANAGER = 1.0.15
AXE = 4.14.1
ENGINE_CC = ziglang cc -target wasm32-freestanding -mcpu=generic+simd128 -O3 -g0 -nostdlib -Wl,--no-entry -Wl,--strip-all
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Python keeps what it has compiled, also where a container says otherwise: else each of a hundred processes does it anew.
export PYTHONDONTWRITEBYTECODE :=

# One process at a time makes a target. The system frees this lock however its holder ends; Snakemake's own (hence
# --nolock) would outlive a kill. A job on a GPU has it alone.
define ALONE
import fcntl, os, sys
os.makedirs(".snakemake", exist_ok=True)
lock = os.open(f".snakemake/{sys.argv[1]}.lock", os.O_CREAT | os.O_WRONLY)
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    sys.exit(f"make {sys.argv[1]} runs already in this folder; wait until it ends")
os.set_inheritable(lock, True)
os.execvp(sys.argv[2], sys.argv[2:])
endef
export ALONE
ALONE_DO = python -c "$$ALONE" $@
# The jobs are alike, so no solver has to plan them anew each second.
SNAKEMAKE = snakemake --quiet host rules --cores $(CORES) --resources gpu=1 --scheduler greedy --rerun-incomplete --nolock
SETTINGS = --config seeds=$(SEEDS) gpu=$(GPU) --

.PHONY: help book pdf test lint sketch reproduce plan slurm-sketch picture chromium vendor engine clean

help:            ## this list
	@awk -F ' *## ' '/^[a-z-]+:.* ## /{split($$1, name, ":"); printf "%-14s%s\n", name[1], $$2}' Makefile

book: .venv/ready    ## run the pages whose inputs changed, build the book: _build/html/index.html (trains no released network anew)
	@$(ALONE_DO) $(SNAKEMAKE) book
	@echo "The book: _build/html/index.html"

pdf: .venv/ready chromium    ## the book as one file to print: _build/book.pdf
	@python -c "$$ALONE" book $(SNAKEMAKE) pdf
	@echo "The book: _build/book.pdf"

# One process more than cores: the tests often wait, for browsers and other processes.
test: .venv/ready chromium   ## the tests
	@OMP_NUM_THREADS=1 python -m pytest -q -n $$(python -c "import joblib; print(min(4, joblib.cpu_count() + 1))") --dist loadfile --no-loadscope-reorder

lint: .venv/ready    ## the form of the code, its types and its spelling: ruff, ty, codespell
	@ruff check -q . && ruff format -q --check . && ty check -q && codespell -D - -D .ci/spelling.txt *.md book notebooks geomlib tests benchmarks

sketch: .venv/ready  ## the whole graph with networks of 500 steps, in sketch/: the paper in minutes. STEPS=20: only a try of the machinery
	@$(ALONE_DO) sh -c 'rm -rf sketch && exec $(SNAKEMAKE) $(if $(STEPS),--config steps=$(STEPS) --) sketch'
	@echo "The sketch's book: sketch/_build/html/index.html"

reproduce: .venv/ready   ## train all networks anew, in reproduce/, and compare; SEEDS=5 for five seeds. Goes on where it was stopped
	@$(ALONE_DO) $(SNAKEMAKE) --keep-going $(SETTINGS) reproduce
	@echo "All numbers beside the released and the published ones: reproduce/comparison.txt"

plan: .venv/ready    ## what `make book` and `make reproduce` would do
	@for target in book reproduce; do \
	  out=$$(snakemake --quiet host rules --cores 1 --dry-run $(SETTINGS) $$target 2>&1) || { echo "$$out"; exit 1; }; \
	  echo "make $$target would run:"; \
	  echo "$$out" | awk '/^Nothing/ {print; exit} /^job / {on = 1} on && !NF {exit} on'; echo; done
	@geomlib plan --folder reproduce/runs --seed $$(seq 0 $$(($(SEEDS) - 1)))

slurm-sketch: .venv/ready   ## `make sketch` through a Slurm of one node, started for it (Debian, as root)
	@python -c "$$ALONE" sketch profiles/slurm/one_node.sh

picture: .venv/ready   ## draw the README's picture and table anew from the released networks
	@python book/picture.py

chromium:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  apt-get update -qq && apt-get install -qqy --no-install-recommends chromium >/dev/null; } || \
	  { echo "The browser tests and the PDF need Chromium, and it can't be installed here: install the package chromium, then try again"; exit 1; }

vendor: .venv/ready  ## fetch other people's files (book/_static/vendor, tests/vendor) anew from npm and .venv
	@set -e; cd book/_static/vendor; get() { mkdir -p "$$2"; tar -xzf "$$(npm pack --silent $$1)" -C "$$2" --strip-components=$$3 $$4; rm *.tgz; }; \
	  get mathjax@$(MATHJAX) mathjax 1 package/LICENSE; get mathjax@$(MATHJAX) mathjax 2 package/es5/tex-svg.js; \
	  get requirejs@$(REQUIREJS) widgets 1 package/require.js; \
	  get @jupyter-widgets/html-manager@$(HTML_MANAGER) widgets 2 package/dist/embed-amd.js; \
	  for at in @jupyter-widgets @jupyter-widgets/html-manager/dist; do \
	    get @jupyter-widgets/html-manager@$(HTML_MANAGER) widgets/$$at 2 package/dist/1551f4f60c37af51121f.woff2; done; \
	  cp ../../../.venv/share/jupyter/nbextensions/anywidget/index.js widgets/anywidget.js; \
	  cp ../../../.venv/lib/python*/site-packages/anywidget-*.dist-info/licenses/LICENSE widgets/LICENSE-anywidget; \
	  cp ../../../.venv/lib/python*/site-packages/ipywidgets-*.dist-info/licenses/LICENSE widgets/LICENSE-html-manager; \
	  get axe-core@$(AXE) ../../../tests/vendor 1 "package/LICENSE package/axe.min.js"; \
	  sha256sum --check SHA256SUMS; cd ../../../tests/vendor; sha256sum --check SHA256SUMS

engine: .venv/ready  ## compile the engine of the pages Explore and Train anew: geomlib/explorer/engine.wasm
	@cd geomlib/explorer; python -m $(ENGINE_CC) -o engine.wasm engine.c; chmod 644 engine.wasm; \
	  sha256sum engine.c engine.wasm > engine.sha256

clean:           ## remove what `make book` and `make sketch` made; keeps .venv, runs/ and reproduce/
	rm -rf _build book/pages book/_static/explorer sketch .snakemake

# Python compiles a module when it is first used: of 14,000 few are.
.venv/ready: pyproject.toml constraints.txt
	@set -e; for python in "$(PYTHON)" python3.11 python3 python3.12 python3.13; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi; python=; done; \
	if [ -z "$$python" ]; then echo "Python 3.11 or later is needed and not on the PATH; name it: make PYTHON=/path/to/python3"; \
	  exit 1; fi; \
	echo "Making the environment .venv with $$("$$python" --version) (about 1.6 GB, once)"; \
	"$$python" -m venv .venv; \
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e '.[book,test]'; \
	touch $@
