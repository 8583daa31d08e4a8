# Each target first makes the Python environment in .venv when that is missing or older than its lists.
# Python 3.11 or later, make and git are all it takes. Other variables: CORES=2, PYTHON=/path/to/python3.

PYTHON ?=
CORES ?= all
SEEDS ?= 1
MATHJAX = 3.2.2
export PATH := $(CURDIR)/.venv/bin:$(PATH)
SNAKEMAKE = snakemake --quiet host rules --cores $(CORES) --rerun-incomplete

.PHONY: help book test smoke reproduce plan vendor clean

help:            ## this list
	@sed -n 's/^\([a-z]*\): [^#]*## /\1\t/p; s/^help: *## /help\t/p' Makefile | expand -t 14

book: .venv/ready    ## run the pages whose inputs changed, build the book: _build/html/index.html (never trains)
	@$(SNAKEMAKE) book
	@echo "The book: _build/html/index.html"

test: .venv/ready    ## the tests
	@python -m pytest -q

smoke: .venv/ready   ## the whole graph with tiny networks, in smoke/, about a minute
	@rm -rf smoke
	@$(SNAKEMAKE) smoke
	@echo "The smoke run's book, not results: smoke/_build/html/index.html"

reproduce: .venv/ready   ## train all networks anew, in reproduce/, and compare; SEEDS=5 for five seeds. Hours
	@$(SNAKEMAKE) reproduce --keep-going --config seeds=$(SEEDS)

plan: .venv/ready    ## what `make book` would do, and why
	@snakemake --quiet host --cores 1 --dry-run book

vendor:          ## fetch the files of book/_static/vendor anew from npm
	cd book/_static/vendor && npm pack --silent mathjax@$(MATHJAX) && \
	  tar -xzf mathjax-$(MATHJAX).tgz -C mathjax --strip-components=1 package/LICENSE && \
	  tar -xzf mathjax-$(MATHJAX).tgz -C mathjax --strip-components=2 package/es5/tex-svg.js && \
	  rm mathjax-$(MATHJAX).tgz && sha256sum --check SHA256SUMS

clean:           ## remove what `make book` and `make smoke` made; keeps .venv, runs/ and reproduce/
	rm -rf _build book/pages smoke .snakemake

.venv/ready: pyproject.toml constraints.txt
	@set -e; for python in "$(PYTHON)" python3.11 python3 python3.12 python3.13; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi; python=; done; \
	if [ -z "$$python" ]; then echo "Python 3.11 or later is needed and not on the PATH; name it: make PYTHON=/path/to/python3"; \
	  exit 1; fi; \
	echo "Making the environment .venv with $$("$$python" --version) (about 1.6 GB, once)"; \
	"$$python" -m venv .venv; \
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[book,test]'; \
	touch $@
