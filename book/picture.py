"""Draw book/_static/overview.png and fill in the README's table, from the released networks: `make picture`."""

import re

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt

import geomlib as g

g.figures.style()
pairs = g.data.PAIRS
published, ours = (table.query("model == 'baseline'") for table in (g.paper.published(), g.paper.results()))


def draw(ax, title, model, capacity, names=()):
    """The mean codes of the 169 pairs in a plane, turned to have x_LC to the right and x_UC down as nearly as it can be,
    with lines between neighbours; coloured by the model's classes, with their names, or without names by x_UC."""
    images, factors = (part[185_000:] for part in g.corridors("uniform"))        # the test part
    means = g.measures.pair_means(g.encode(g.paper.run(model, capacity).model, images), factors)
    points = g.measures.align(g.embed(means), (pairs[:, ::-1] - 6.0) * [1, -1])
    grid = points.reshape(13, 13, 2)
    for line in (*grid, *grid.swapaxes(0, 1)):
        ax.plot(*line.T, color="#BBBBBB", linewidth=0.5, zorder=0)
    title = f"{title}\n{model}, {g.figures.nats(capacity)}"
    if names:
        return g.figures.draw_embedding(ax, points, g.paper.classes(model, pairs), (), names, title, limit=2.2)
    ax.set(title=title, aspect="equal", xlim=(-2.2, 2.2), ylim=(-2.2, 2.2), xlabel="units of the code", ylabel="units of the code")
    return ax.scatter(*points.T, c=pairs[:, 0], cmap="viridis", s=14)


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
    fig, axes = plt.subplots(2, 2, figsize=(6.6, 7))
    draw(axes[0, 0], "much capacity", "baseline", 10)
    points = draw(axes[0, 1], "prototypization", "baseline", 0.3)
    draw(axes[1, 0], "specialization", "E1M1", 0.3, ("rare", "frequent"))
    draw(axes[1, 1], "orthogonalization", "E2M1", 3, g.paper.CLASS_NAMES["E2M1"])
    fig.colorbar(points, ax=axes[0], label="$x_{UC}$ (column)", shrink=0.8)
    fig.savefig(g.paper.ROOT / "book/_static/overview.png", dpi=160, metadata={"Software": None})
    readme = g.paper.ROOT / "README.md"
    marks = "<!-- results, by make picture -->", "<!-- end of results -->"
    text = re.sub(f"(?s){marks[0]}.*{marks[1]}", f"{marks[0]}\n{table()}\n{marks[1]}", readme.read_text())
    readme.write_text(text)
