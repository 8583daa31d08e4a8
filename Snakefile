# The one dependency graph: runs -> pages -> book.
#
# Released runs (data/runs) are inputs that no rule makes, so the book never trains. The rule `run` trains into
# smoke/runs and reproduce/runs alone. Everything below smoke/ is made by the same rules as the book, from tiny
# networks.

import json
import re
from pathlib import Path

# The pages are those of _toc.yml, book/pages/NAME. NAME is the page's notebook too, unless it is listed here.
TEMPLATES = {                                # page: its notebook and parameters
}
SMOKE = {"steps": 40, "steps_per_epoch": 20}  # fields of Spec
BANNER = "Smoke run: tiny networks, trained for a moment to try the machinery. **Nothing on this page is a result.**"


def files(*patterns):
    found = {str(path) for pattern in patterns for path in Path().glob(pattern) if path.is_file()}
    return sorted(path for path in found if not path.startswith("book/pages/") and "__pycache__" not in path)


PAGES = re.findall(r"\bbook/pages/([^\s#]+)", Path("_toc.yml").read_text())
CODE = files("geomlib/**/*.py")
DATA = files("data/*.csv", "data/runs/*/*")
PROSE = files("_config.yml", "_toc.yml", "book/**/*", "data/*.csv")
SEEDS = range(int(config.get("seeds", 1)))
RELEASED = sorted(path.name for path in Path("data/runs").glob("*-c*-s*"))  # make smoke trains their small twins


def parameters(page):
    """The options of `geomlib page`: -p NAME VALUE and, for a smoke page, the banner."""
    values = dict(TEMPLATES.get(page.name, (page.name, {}))[1])
    if page.root:
        values |= {"runs": "smoke/runs", "changes": SMOKE}
    options = [word for name, value in values.items() for word in ("-p", name, json.dumps(value))]
    return options + (["--banner", BANNER] if page.root else [])


wildcard_constraints:
    root = "(smoke/)?",
    folder = "smoke|reproduce",
    model = r"\w+",
    capacity = r"[\d.]+",
    seed = r"\d+",


rule book:
    input: "_build/html/index.html"


rule smoke:
    input: "smoke/_build/html/index.html"


rule reproduce:
    input: "reproduce/comparison.txt"
    shell: "cat {input:q}"


rule run:
    output: touch("{folder}/runs/{model}-c{capacity}-s{seed}.done")
    params: changes = lambda run: ["--set", *(f"{k}={v}" for k, v in SMOKE.items())] if run.folder == "smoke" else []
    shell: "geomlib train {wildcards.model} --capacity {wildcards.capacity} --seed {wildcards.seed}"
           " --folder {wildcards.folder}/runs {params.changes:q}"


rule page:
    input:
        notebook = lambda page: f"notebooks/{TEMPLATES.get(page.name, (page.name,))[0]}.md",
        code = CODE,
        data = DATA,
        runs = lambda page: [f"smoke/runs/{run}.done" for run in RELEASED] if page.root else [],
    output: "{root}book/pages/{name}.ipynb"
    params: options = parameters
    shell: "geomlib page {input.notebook:q} -o {output:q} {params.options:q}"


rule stage:
    # The smoke book's own copy of the prose and settings: a book and its pages share one root.
    input: PROSE
    output: [f"smoke/{path}" for path in PROSE]
    shell: "tar -cf - {input:q} | tar -xmf - -C smoke"


rule html:
    input:
        prose = lambda book: [book.root + path for path in PROSE],
        pages = lambda book: [f"{book.root}book/pages/{name}.ipynb" for name in PAGES],
        notation = "geomlib/__init__.py",
    output: "{root}_build/html/index.html"
    params: root = lambda book: book.root or "."
    shell: "jupyter-book build {params.root:q} -W -n --keep-going -q"


def networks():
    from geomlib.paper import CAPACITIES, MODELS  # here, because the import takes seconds

    return [f"reproduce/runs/{model}-c{capacity:g}-s{seed}.done" for seed in SEEDS for model in MODELS
            for capacity in CAPACITIES]


rule comparison:
    input: lambda _: networks()
    output: "reproduce/comparison.txt"
    params: seeds = list(SEEDS)
    shell: "geomlib results --folder reproduce/runs --seed {params.seeds} --compare > {output:q}"
