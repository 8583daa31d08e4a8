"""How long each page of the book takes to run again, with the networks it shows at hand.

    python benchmarks/pages.py

Runs every page in book/pages/ (so after `make book`) with its own parameters, one after another, into a folder that is
thrown away. Seconds are those of `geomlib page`, with the start of its kernel.
"""

import tempfile
import time
from pathlib import Path

import nbformat
from record import record

from geomlib import pages

BOOK = Path(__file__).parents[1] / "book/pages"


def main() -> None:
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(BOOK.glob("[!.]*.ipynb")):
            made = nbformat.read(path, 4).metadata.geomlib
            began = time.perf_counter()
            pages.page(
                pages.find(made.notebook, BOOK.parents[1] / "notebooks"), Path(folder, path.name), made.parameters
            )
            seconds[path.stem] = round(time.perf_counter() - began, 1)
    record("pages", "python benchmarks/pages.py", {"seconds": seconds})


if __name__ == "__main__":
    main()
