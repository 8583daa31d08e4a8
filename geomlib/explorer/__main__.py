"""python -m geomlib.explorer FOLDER [RUNS]: write the networks for the book's pages."""

import sys

from . import export, released
from .home import export_home

if len(sys.argv) < 2:
    sys.exit(__doc__)
export(sys.argv[1], *map(released, sys.argv[2:3]))
export_home(sys.argv[1])
