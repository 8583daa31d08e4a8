"""Where things lie: in the repository, or, of a package that was installed from a wheel, beside its code."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile

PACKAGE = Path(__file__).parent


def repository() -> Path | None:
    """The repository around this file, else around the working directory; None where there is none."""
    for folder in (PACKAGE.parent, Path.cwd(), *Path.cwd().parents):
        if (folder / "_toc.yml").is_file() and (folder / "data/published.csv").is_file():
            return folder
    return None


def needed_repository(what: str) -> Path:
    """The repository, for what an installed package lacks; FileNotFoundError that says so where there is none."""
    if home := repository():
        return home
    raise FileNotFoundError(
        f"{what} in the repository, and not in the installed package; get the repository (a clone, or its archive "
        "unpacked), go to its folder and try again"
    )


def data_file(name: str) -> Path:
    """A table of numbers: published.csv or results.csv; the package brings copies of the repository's.

    >>> data_file("published.csv").read_text().splitlines()[0]
    'figure,panel,model,measure,capacity,value'
    """
    home = repository()
    path = home / "data" / name if home else PACKAGE / "tables" / name
    if not path.is_file():
        known = ", ".join(sorted(table.name for table in path.parent.glob("*.csv")))
        raise FileNotFoundError(f"there is no table {name!r}; there are {known}")
    return path


def writable(path: str | Path | None, ending: str = ".csv") -> Path | None:
    """The path of a file that can be written there (None: none is asked for); else a ValueError, before hours are
    spent on what it would hold. A table ends in .csv: its codes lie beside it under the same name as .npz."""
    if path is None:
        return None
    path = Path(path)
    try:
        with open(path, "r+b") if path.exists() else TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise ValueError(
            f"can't write {path} ({error.strerror}): choose a file in a folder that is there and can be written to"
        ) from None
    if path.suffix != ending:
        raise ValueError(f"the name of this file must end in {ending}, got {path}")
    return path


def released_runs() -> Path:
    """The folder of the released runs; where the repository is not at hand, one that doesn't exist."""
    return (repository() or PACKAGE) / "data/runs"


def user_runs() -> Path:
    """The folder of the runs that a user trains: runs/ in the repository, else in the working directory."""
    return (repository() or Path.cwd()) / "runs"
