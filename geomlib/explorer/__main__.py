"""python -m geomlib.explorer FOLDER [RUNS]: write the networks for the book's page."""

import sys

from . import export, released

if len(sys.argv) < 2:
    sys.exit(__doc__)
export(sys.argv[1], *map(released, sys.argv[2:3]))
