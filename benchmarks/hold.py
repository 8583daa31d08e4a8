"""How robust the held rate is: the baseline with each number of the feedback halved and doubled (book/protocol.md).

    python benchmarks/hold.py FOLDER

28 networks of seed 0, each on a core of its own, about 25 minutes on two cores; those that FOLDER holds already are
loaded. Writes data/robustness.csv: setting, value, capacity, rate (nats), loss, share of the mean image's loss.
"""

import itertools
import sys
from pathlib import Path

import joblib
import pandas as pd

from geomlib import objective, paper, places, runs, theory

SETTINGS = {  # name -> the value that is kept; cooldown is a field of Spec, the others are constants of the objective
    "FIRST_PRICE": objective.FIRST_PRICE,
    "RISE": objective.RISE,
    "POWER": objective.POWER,
    "GAIN": objective.GAIN,
    "PROPORTION": objective.PROPORTION,
    "MEMORY": objective.MEMORY,
    "cooldown": 0.2,
}
FACTORS = {"half": 0.5, "double": 2.0}
CAPACITIES = (0.3, 10)  # nats


def trained(folder: Path, name: str, way: str, capacity: float) -> tuple:
    """One row of the table: a network with one setting changed, loaded or trained."""
    kept, value = SETTINGS[name], SETTINGS[name] * FACTORS[way]
    fields = {"cooldown": value} if name == "cooldown" else {}
    if not fields:
        setattr(objective, name, value)
    try:
        place = folder / f"{name}_{way}" / paper.slug("baseline", capacity, 0)
        run = (
            runs.load(place)
            if place.exists()
            else runs.train([paper.spec("baseline", capacity, 0, **fields)], [place])[0]
        )
    finally:
        if not fields:
            setattr(objective, name, kept)  # the process trains others after it
    mean_image, _ = theory.ends("uniform")
    last = run.final
    return name, value, capacity, last.rate, last.reconstruction, last.reconstruction / mean_image


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    jobs = itertools.product(SETTINGS, FACTORS, CAPACITIES)
    rows = joblib.Parallel(n_jobs=-1)(joblib.delayed(trained)(Path(sys.argv[1]), *job) for job in jobs)
    columns = ["setting", "value", "capacity", "rate", "loss", "share"]
    table = pd.DataFrame(rows, columns=columns)
    table.to_csv(places.repository() / "data/robustness.csv", index=False, float_format="%.5g")
    print(table.assign(error=table.rate / table.capacity - 1).to_string(index=False))
