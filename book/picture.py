"""Draw book/_static/overview.png and fill in the README's table, from the released networks: `make picture`."""

import re

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt

import geomlib as g

g.figures.style()
published, ours = (table.query("model == 'baseline'") for table in (g.paper.published(), g.paper.results()))


def plane(capacity):
    """Mean code of each of the 169 pairs of positions, (169, 2); both corridors lie along an axis in the baseline."""
    images, factors = (part[185_000:] for part in g.corridors("uniform"))
    codes = g.encode(g.paper.run("baseline", capacity).model, images)            # the test part
    return g.embed(g.measures.pair_means(codes, factors))


def table():
    """The README's table, as Markdown."""
    rows = [["capacity (nats)", *(f"{c:g}" for c in g.paper.CAPACITIES)], ["---"] * 6]
    for name, source, measure in (("published loss", published, "reconstruction_loss"),
                                  ("our loss", ours.query("seed == 0"), "reconstruction_loss"),
                                  ("our rate (nats)", ours.query("seed == 0"), "rate")):
        values = source.query("measure == @measure").set_index("capacity").value
        rows.append([name, *(f"{values[c]:.4f}" if measure != "rate" else f"{values[c]:.2f}" for c in g.paper.CAPACITIES)])
    score = g.paper.summary(g.paper.scorecard())
    text = ", ".join(f"{score.reproduced[kind]} of {score.published[kind]} {kind}" for kind in score.index[:-1])
    return "\n".join(["| " + " | ".join(row) + " |" for row in rows] + [
        "", f"Of {score.published['all']} published numbers, the mean of our {g.paper.results().seed.nunique()} seeds comes within a tolerance of {score.strict['all']}; "
        f"{score.reproduced['all']} lie within it",
        f"of the range of the seeds ({text}). The book's scorecard lists each."])


if __name__ == "__main__":
    pairs = g.data.PAIRS
    fig, axes = plt.subplots(1, 3, figsize=(9, 3.4))
    for ax, capacity in zip(axes, (10, 1, 0.3)):
        points = ax.scatter(*plane(capacity).T, c=pairs[:, 0], cmap="viridis", s=14)
        ax.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal", xlabel="units of the code", title=f"{capacity:g} nats")
    fig.colorbar(points, ax=axes, label="$x_{UC}$ (column)", shrink=0.8)
    fig.savefig(g.paper.ROOT / "book/_static/overview.png", dpi=160, metadata={"Software": None})
    readme = g.paper.ROOT / "README.md"
    marks = "<!-- results, by make picture -->", "<!-- end of results -->"
    text = re.sub(f"(?s){marks[0]}.*{marks[1]}", f"{marks[0]}\n{table()}\n{marks[1]}", readme.read_text())
    readme.write_text(text)
