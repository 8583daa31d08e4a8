"""Draw book/_static/overview.png and the table of the README from the released networks: `make picture`."""

import re

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

import geomlib as g

matplotlib.use("agg")
g.figures.style()
ROOT = g.paper.ROOT


def embedding(capacity):
    """Mean code of each pair in the baseline, as a plane (169, 2)."""
    images, factors = g.corridors("uniform")
    codes = g.encode(g.paper.run("baseline", capacity).model, images[185_000:])
    pair = factors[185_000:] @ [13, 1]
    means = np.stack([np.bincount(pair, latent) / np.bincount(pair) for latent in codes.T], 1)
    return g.embed(means)


def main():
    pairs = np.argwhere(np.ones((13, 13)))
    fig, axes = plt.subplots(1, 3, figsize=(9, 3.2))
    for ax, capacity in zip(axes, (10, 3, 0.3)):
        g.figures.draw_embedding(ax, embedding(capacity), pairs[:, 0], f"{capacity:g} nats")
    fig.savefig(ROOT / "book/_static/overview.png", dpi=160, metadata={"Software": None})


main()
