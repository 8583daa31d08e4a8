# The one dependency graph: runs -> classifiers -> measures -> pages -> book.
#
# Released runs (data/runs) are inputs that no rule makes, so `make book` never trains them anew. The rule `train` trains into
# smoke/ and reproduce/ alone, a stack a job. Snakemake removes what a job makes before it starts and when it fails, so
# a run or a page is never its output; a list or a checksum beside them is. Runs look after themselves
# (geomlib/runs.py): a job that is asked again finds what is trained, and goes on from the last checkpoint of the rest.
#
# What is below smoke/ is made by the same rules as the book and the numbers, from tiny networks.

import json
import re
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

# The pages are those of _toc.yml, book/pages/NAME. NAME is the page's notebook too, unless it is listed here.
TEMPLATES = {                                # page: its notebook and parameters
    f"geometry-{model}": ("geometry", {"model": model})
    for model in ("E1M1", "E1M2", "E2M1", "E2M2", "E2M3", "E2M4", "E2M5")
}
SEEDS = range(int(config.get("seeds", 1)))   # of `reproduce`: make reproduce SEEDS=5
GPU = int(config.get("gpu", 0))              # 1: all that fit a job, on a GPU; 0: one network, on a core
SMOKE = {"steps": 20, "steps_per_epoch": 10, "train_end": 2000, "validation_end": 5000}  # fields of Spec
BANNER = "Smoke run: tiny networks, trained for a moment to try the machinery. **Nothing on this page is a result.**"


def files(*patterns):
    found = {str(path) for pattern in patterns for path in Path().glob(pattern) if path.is_file()}
    return sorted(path for path in found if not re.match("book/(pages|_static/explorer)/|.*__pycache__", path))


def notebook_of(page):
    """A page's notebook."""
    return f"notebooks/{TEMPLATES.get(page, (page,))[0]}.md"


PAGES = re.findall(r"\bbook/pages/([^\s#]+)", Path("_toc.yml").read_text())
named = {}                                   # figure: its page; two of one name would fail the build at its end
for name in PAGES:
    if not Path(notebook_of(name)).exists():
        raise WorkflowError(f"_toc.yml names book/pages/{name}, but there is no {notebook_of(name)}")
    text = Path(notebook_of(name)).read_text()
    for key, value in TEMPLATES.get(name, ("", {}))[1].items():
        text = text.replace(f"{{{key}}}", value)
    for figure in re.findall(r"^ +name: *(fig-\S+)", text, re.M):
        if figure in named:
            raise WorkflowError(f"{notebook_of(name)} names a figure {figure}, as {notebook_of(named[figure])} does; give it a name of its own")
        named[figure] = name
CODE = files("geomlib/**/*")                 # scripts and style, too: a widget on a page holds them
DATA = files("data/*.csv", "data/codes/*", "data/runs/*/*")
PROSE = files("_config.yml", "_toc.yml", "book/**/*", "data/*.csv", "benchmarks/results.json")


def paper():
    import geomlib.paper                     # here, because it takes seconds and the book needs none of it

    return geomlib.paper


@cache
def stacks(root):
    """Name -> (models, capacities, seeds) that one job trains: networks, and heads that read others' codes."""
    models, heads = paper().MODELS, paper().CLASSIFIERS
    capacities, seeds = paper().CAPACITIES, SEEDS
    if root == "smoke/":                     # networks for all pages: two that train the same would wait for each other
        return {"networks": (models, capacities, [0]), "heads": (heads, [0.3, 10], [0])}
    if GPU:
        return {"networks": (models, capacities, seeds), "heads": (heads, capacities, seeds)}
    networks = {f"{m}-c{c:g}-s{s}": ([m], [c], [s]) for s in seeds for m in models for c in capacities}
    return networks | {f"{task}-heads-s{s}": ([name for name in heads if name.startswith(task)], capacities, [s])
                       for s in seeds for task in paper().ONE_HEAD}


def lists(root, *wanted):
    """The lists that say that the runs with these (models, capacities, seeds) are trained."""
    return [f"{root}runs/{name}.txt" for name, stack in stacks(root).items()
            if all(set(some) & set(held) for some, held in zip(wanted, stack))]


def sources(job):
    """The networks whose codes the heads of a stack classify."""
    models, *rest = stacks(job.root)[job.stack]
    return lists(job.root, [paper().CLASSIFIERS[name][1] for name in models if name in paper().CLASSIFIERS], *rest)


def words(root, models, capacities, seeds):
    """What names runs on the command line of `geomlib`."""
    changes = ["--set", *(f"{name}={value}" for name, value in SMOKE.items())] if root == "smoke/" else []
    return [*models, "--capacity", *capacities, "--seed", *seeds, "--folder", f"{root}runs", *changes]


def all_measures(job):
    _, capacities, seeds = zip(*(stack for name, stack in stacks(job.root).items() if "heads" in name))
    return [f"{job.root}measures/c{c:g}-s{s}.csv" for s in sorted({*sum(map(list, seeds), [])})
            for c in sorted({*sum(map(list, capacities), [])})]


@cache
def declared(notebook):
    """A notebook's parameters: name -> default."""
    from geomlib import pages                # here, as in paper()

    path = Path(f"notebooks/{notebook}.md")
    return pages.defaults(pages.jupytext.read(path), path)


def parameters(page):
    """The options of `geomlib page`: -p NAME VALUE and, for a smoke page, the banner."""
    notebook, values = TEMPLATES.get(page.name, (page.name, {}))
    if page.root:
        tiny = {"runs": "smoke/runs", "results": "smoke/results.csv", "changes": SMOKE}
        values = values | {name: value for name, value in tiny.items() if name in declared(notebook)}
    options = [word for name, value in values.items() for word in ("-p", name, json.dumps(value))]
    return options + (["--banner", BANNER] if page.root else [])


wildcard_constraints:
    root = "(smoke/|reproduce/)?",
    capacity = r"[\d.]+",
    seed = r"\d+",


localrules: book, pdf, smoke, reproduce, stage, comparison


rule book:
    input: "_build/html/index.html"


rule pdf:
    input: "_build/book.pdf"


rule smoke:
    input: "smoke/_build/html/index.html", "smoke/comparison.txt"


rule reproduce:
    input: "reproduce/comparison.txt"


rule train:
    input: sources
    output: "{root}runs/{stack}.txt"
    params: words = lambda job: words(job.root, *stacks(job.root)[job.stack])
    threads: lambda job: 2 if job.root == "smoke/" else 8 if GPU else 1          # stacks on a GPU go side by side
    resources: mem_mb = 8000 if GPU else 2000, runtime = 120, gpu = GPU
    shell: "LOKY_MAX_CPU_COUNT={threads} geomlib train {params.words:q} > {output:q}.new"
           " 2> >(awk '{{print \"{wildcards.stack}: \" $0; fflush()}}' >&2) && mv {output:q}.new {output:q}"


rule measures:
    input:
        runs = lambda job: lists(job.root, [*paper().MODELS, *paper().CLASSIFIERS], [float(job.capacity)],
                                 [int(job.seed)]),
        code = CODE,
    output: "{root}measures/c{capacity}-s{seed}.csv"
    params: words = lambda job: words(job.root, [], [job.capacity], [job.seed])
    resources: mem_mb = 3000, runtime = 30
    shell: "geomlib results {params.words:q} -o {output:q}"


rule comparison:
    input: all_measures
    output:
        results = "{root}results.csv",
        comparison = "{root}comparison.txt",
    shell: "awk 'NR == 1 || FNR > 1' {input:q} > {output.results:q};"
           " geomlib compare {output.results:q} > {output.comparison:q}; tail -n 3 {output.comparison:q}"


rule page:
    input:
        notebook = lambda page: notebook_of(page.name),
        code = CODE,
        data = DATA,
        runs = lambda page: [f"smoke/runs/{name}.txt" for name in stacks("smoke/")] if page.root else [],
        results = lambda page: "smoke/results.csv" if page.root else [],
    output: "{root}book/pages/{name}.sum"
    params: options = parameters, page = "{root}book/pages/{name}.ipynb"
    resources: mem_mb = 3000, runtime = 30
    shell: "geomlib page {input.notebook:q} -o {params.page:q} {params.options:q} && cksum {params.page:q} > {output:q}"


rule explorer:
    # The released networks, as the page's JavaScript reads them; in the smoke book, too.
    input: DATA, CODE
    output: "{root}book/_static/explorer/index.js"
    resources: mem_mb = 3000, runtime = 30
    shell: "python -m geomlib.explorer {wildcards.root}book/_static/explorer"


rule stage:
    # The smoke book's own copy of the prose and settings: a book and its pages share one root.
    input: PROSE
    output: [f"smoke/{path}" for path in PROSE]
    shell: "tar -cf - {input:q} | tar -xmf - -C smoke"


def book_inputs(book):
    """What a build of the book reads."""
    root = getattr(book, "root", "")
    return [*(root + path for path in PROSE), *(f"{root}book/pages/{name}.sum" for name in PAGES),
            f"{root}book/_static/explorer/index.js", "geomlib/__init__.py"]  # the last: names for the notation


rule html:
    input: book_inputs
    output: "{root}_build/html/index.html"
    params: root = lambda book: book.root or "."
    resources: mem_mb = 2000, runtime = 30
    shell: "jupyter-book build {params.root:q} -W -n --keep-going -q"
           " || {{ rm -rf {params.root:q}/_build/.doctrees; exit 1; }}"  # else a second build would not warn again


rule print:
    # One page of HTML in a folder of its own, printed by Chromium when its formulas are set. Its links start at the root.
    input: book_inputs
    output: "_build/book.pdf"
    params: folder = "_build/single/_build/singlehtml"
    resources: mem_mb = 4000, runtime = 30
    shell: "jupyter-book build . --builder singlehtml --path-output _build/single -W -n --keep-going -q"
           " || {{ rm -rf _build/single; exit 1; }}"         # as above
           " && cp {params.folder}/book/intro.html {params.folder}/all.html"
           " && chromium --headless --no-sandbox --disable-gpu --no-pdf-header-footer --virtual-time-budget=60000"
           " --print-to-pdf={output:q} \"file://$PWD/{params.folder}/all.html\""
