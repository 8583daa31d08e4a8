# The one dependency graph: runs -> classifiers -> measures -> pages -> book.
#
# Released runs (data/runs) are inputs that no rule makes, so `make book` never trains them anew. The rule `train` trains into
# sketch/ and reproduce/ alone, a stack a job. Snakemake removes what a job makes before it starts and when it fails, so
# a run or a page is never its output; a list or a checksum beside them is. Runs look after themselves
# (geomlib/runs.py): a job that is asked again finds what is trained, and goes on from the last checkpoint of the rest.
#
# What is below sketch/ is made by the same rules as the book and the numbers, from networks that train for 500 steps.

import ast
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
SKETCH = {"schedule": "sketch"} | ({"steps": int(config["steps"])} if "steps" in config else {})  # fields of Spec
BANNER = (
    "A sketch: the paper's networks, trained for a few hundred steps in place of 7,974. "
    "**The numbers on this page are not the paper's, nor this book's.**"
)


def files(*patterns):
    found = {str(path) for pattern in patterns for path in Path().glob(pattern) if path.is_file()}
    return sorted(path for path in found if not re.match("book/(pages|_static/explorer)/|.*__pycache__", path))


@cache
def imports(path):
    """The files of geomlib that a file of it needs, itself among them."""
    found, folder = {path}, Path(path).parent
    for node in ast.walk(ast.parse(Path(path).read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            at = folder.parents[node.level - 2] if node.level > 1 else folder
            names = [f"{node.module.replace('.', '/')}"] if node.module else []
            names += [f"{names[0]}/{item.name}" if names else item.name for item in node.names]
            found |= {str(at / f"{name}.py") for name in names if (at / f"{name}.py").exists()}
    return found


@cache
def modules(*names):
    """All files of geomlib that its modules of these names need; other names are those of its __init__.pyi."""
    public = {item.name: node.module for node in ast.walk(ast.parse(Path("geomlib/__init__.pyi").read_text()))
              if isinstance(node, ast.ImportFrom) and node.module for item in node.names}
    start = [Path(f"geomlib/{public.get(name, name)}") for name in names]
    found, new = {"geomlib/__init__.py", "geomlib/__init__.pyi"}, {f"{p}.py" for p in start if p.with_suffix(".py").exists()}
    new |= {str(path) for p in start for path in p.glob("*.py")}         # a folder
    while new:
        found |= new
        new = set().union(*(imports(path) for path in new)) - found
    return sorted(found)


def code_of(page):
    """The files of geomlib that a page uses: those it names as g.NAME, and theirs."""
    names = sorted(set(re.findall(r"\bg(?:eomlib)?\.(\w+)", Path(notebook_of(page.name)).read_text())) | {"pages"})
    return modules(*names) + (EXPLORER if "explorer" in names else [])


def notebook_of(page):
    """A page's notebook."""
    return f"notebooks/{TEMPLATES.get(page, (page,))[0]}.md"


PAGES = re.findall(r"\bbook/pages/([^\s#]+)", Path("_toc.yml").read_text())
COMMON = []                                  # the pages that show no network of a folder: the sketch's book has them as they are
named = {}                                   # figure: its page; two of one name would fail the build at its end
for name in PAGES:
    if not Path(notebook_of(name)).exists():
        raise WorkflowError(f"_toc.yml names book/pages/{name}, but there is no {notebook_of(name)}")
    text = Path(notebook_of(name)).read_text()
    if not re.search("^(runs|results) *=", text, re.M):
        COMMON.append(name)
    for figure in re.findall(r"^ +name: *(fig-\S+)", text, re.M):
        if figure in named:
            raise WorkflowError(f"{notebook_of(name)} names a figure {figure}, as {notebook_of(named[figure])} does; give it a name of its own")
        named[figure] = name
EXPLORER = files("geomlib/explorer/*")       # scripts and style, too
DATA = files("data/*.csv", "data/codes/*", "data/sketch/*", "data/laws/*", "data/runs/*/*")
PROSE = files("_config.yml", "_toc.yml", "pyproject.toml", "book/**/*", "data/*.csv", "data/codes/*", "data/sketch/*",
              "benchmarks/results.json")


def paper():
    import geomlib.paper                     # here, because it takes seconds and the book needs none of it

    return geomlib.paper


@cache
def stacks(root):
    """Name -> (models, capacities, seeds) that one job trains: networks, and heads that read others' codes."""
    models, heads = paper().MODELS, paper().CLASSIFIERS
    capacities, seeds = paper().CAPACITIES, SEEDS
    if root == "sketch/":                    # so short that to start a process for each would take as long
        return {"networks": (models, capacities, [0]), "heads": (heads, capacities, [0])}
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
    changes = ["--set", *(f"{name}={value}" for name, value in SKETCH.items())] if root == "sketch/" else []
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
    """The options of `geomlib page`: -p NAME VALUE and, for a page of the sketch, the banner."""
    notebook, values = TEMPLATES.get(page.name, (page.name, {}))
    if page.root:
        sketch = {"runs": "sketch/runs", "results": "sketch/results.csv", "changes": SKETCH}
        values = values | {name: value for name, value in sketch.items() if name in declared(notebook)}
    options = [word for name, value in values.items() for word in ("-p", name, json.dumps(value))]
    return options + (["--banner", BANNER] if page.root else [])


wildcard_constraints:
    root = "(sketch/|reproduce/)?",
    capacity = r"[\d.]+",
    seed = r"\d+",


localrules: book, pdf, sketch, reproduce, data, stage, comparison, common_page
ruleorder: common_page > page


rule book:
    input: "_build/html/index.html"


rule pdf:
    input: "_build/book.pdf"


rule sketch:
    input: "sketch/_build/html/index.html", "sketch/comparison.txt"


rule reproduce:
    input: "reproduce/comparison.txt"


rule train:
    input: sources
    output: "{root}runs/{stack}.txt"
    params: words = lambda job: words(job.root, *stacks(job.root)[job.stack])
    threads: lambda job: 2 if job.root == "sketch/" else 8 if GPU else 1          # stacks on a GPU go side by side
    resources: mem_mb = 8000 if GPU else 2000, runtime = 120, gpu = GPU
    shell: "LOKY_MAX_CPU_COUNT={threads} geomlib train {params.words:q} > {output:q}.new"
           " 2> >(awk '{{print \"{wildcards.stack}: \" $0; fflush()}}' >&2) && mv {output:q}.new {output:q}"


rule measures:
    input:
        runs = lambda job: lists(job.root, [*paper().MODELS, *paper().CLASSIFIERS], [float(job.capacity)],
                                 [int(job.seed)]),
        code = modules("results", "cli"),
    output: "{root}measures/c{capacity}-s{seed}.csv"
    params: words = lambda job: words(job.root, [], [job.capacity], [job.seed])
    resources: mem_mb = 3000, runtime = 30
    shell:  # numbers that other code has left beside the runs are measured anew
        "rm -f {wildcards.root}runs/*-c{wildcards.capacity}-s{wildcards.seed}/numbers.csv"
        " {wildcards.root}runs/*-c{wildcards.capacity}-s{wildcards.seed}-*/numbers.csv"
        " && geomlib results {params.words:q} -o {output:q}"


rule comparison:
    input: all_measures
    output:
        results = "{root}results.csv",
        comparison = "{root}comparison.txt",
    shell: "awk 'NR == 1 || FNR > 1' {input:q} > {output.results:q};"
           " geomlib compare {output.results:q} > {output.comparison:q}; tail -n 3 {output.comparison:q}"


rule data:
    # One file for the 600 of the released networks: Snakemake looks at every input of every job each second.
    input: DATA
    output: "_build/data.sum"
    shell: "cksum {input:q} > {output:q}"


rule page:
    input:
        notebook = lambda page: notebook_of(page.name),
        code = code_of,
        data = "_build/data.sum",
        runs = lambda page: [f"sketch/runs/{name}.txt" for name in stacks("sketch/")] if page.root else [],
        results = lambda page: "sketch/results.csv" if page.root else [],
    output: "{root}book/pages/{name}.sum"
    params: options = parameters, page = "{root}book/pages/{name}.ipynb"
    resources: mem_mb = 3000, runtime = 30
    shell: "geomlib page {input.notebook:q} -o {params.page:q} {params.options:q} && cksum {params.page:q} > {output:q}"


rule common_page:
    input: "book/pages/{name}.sum"
    output: "sketch/book/pages/{name}.sum"
    params: page = "book/pages/{name}.ipynb"
    wildcard_constraints: name = "|".join(COMMON)
    shell: "cp {params.page:q} sketch/book/pages/ && cp {input:q} {output:q}"


rule explorer:
    # The released networks, as the page's JavaScript reads them; in the sketch's book, too.
    input: "_build/data.sum", EXPLORER, modules("explorer")
    output: "{root}book/_static/explorer/index.js"
    resources: mem_mb = 3000, runtime = 30
    shell: "python -m geomlib.explorer {wildcards.root}book/_static/explorer"


rule stage:
    # The sketch's own copy of the prose and settings: a book and its pages share one root.
    input: PROSE
    output: [f"sketch/{path}" for path in PROSE]
    shell: "tar -cf - {input:q} | tar -xmf - -C sketch"


def book_inputs(book):
    """What a build of the book reads."""
    root = getattr(book, "root", "")
    return [*(root + path for path in PROSE), *(f"{root}book/pages/{name}.sum" for name in PAGES),
            f"{root}book/_static/explorer/index.js", *files("geomlib/**/*.py")]  # the last: notation and library


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
