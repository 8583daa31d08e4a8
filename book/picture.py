"""Draw book/_static/overview.png and fill in the README's table, from the released networks: `make picture`."""

import re

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np

import geomlib as g

g.figures.style()
pairs = g.data.PAIRS
published, ours = (table.query("model == 'baseline'") for table in (g.paper.published(), g.paper.results()))


def draw(ax, title, model, capacity, names=(), latents=None, limit=2.2):
    """The mean codes of the 169 pairs in a plane, with lines between neighbours, on axes that end at -limit and limit.

    names    of the model's classes, which colour them; none: colours go by x_UC
    latents  the two of the plane, from 1; None: multidimensional scaling, turned to have x_LC to the right and x_UC
             down
    returns  the points where colours go by x_UC, for a colour bar
    """
    images, factors = (part[185_000:] for part in g.corridors("uniform"))  # the test part
    means = g.measures.pair_means(g.encode(g.paper.run(model, capacity).model, images), factors)
    points = means[:, np.array(latents) - 1] if latents else g.measures.upright(g.embed(means), pairs)
    grid = points.reshape(13, 13, 2)
    for line in (*grid, *grid.swapaxes(0, 1)):
        ax.plot(*line.T, color="#BBBBBB", linewidth=0.5, zorder=0)
    title = f"{title}\n{model}, {g.figures.nats(capacity)}"
    shown = None
    if names:
        g.figures.draw_embedding(ax, points, g.paper.classes(model, pairs), (), names, title, limit)
    else:
        ax.set(title=title, aspect="equal", xlim=(-limit, limit), ylim=(-limit, limit))
        shown = ax.scatter(*points.T, c=pairs[:, 0], cmap="viridis", s=14)
    along = [f"latent {latent}" for latent in latents] if latents else ["units of the code"] * 2
    ax.set(xlabel=along[0], ylabel=along[1])
    return shown


def table():
    """The README's tables, as Markdown: the verdicts, the baseline's loss, the scorecard's counts."""
    rows = [["capacity (nats)", *(f"{c:g}" for c in g.paper.CAPACITIES)], ["---"] * 6]
    for name, source, measure in (
        ("published loss", published, "reconstruction_loss"),
        ("our loss", ours.query("seed == 0"), "reconstruction_loss"),
        ("our rate (nats)", ours.query("seed == 0"), "rate"),
    ):
        values = source.query("measure == @measure").set_index("capacity").value
        rows.append(
            [name, *(f"{values[c]:.4f}" if measure != "rate" else f"{values[c]:.2f}" for c in g.paper.CAPACITIES)]
        )
    score = g.results.summary(g.results.scorecard())
    return "\n".join(
        [
            g.claims.markdown("notebooks/{}.md"),
            "",
            "The effects are differences from a control, at the smallest capacity; the rule for a verdict was written",
            "down before the networks were trained (`book/protocol.md`). The baseline, seed 0:",
            "",
            *("| " + " | ".join(row) + " |" for row in rows),
            "",
            f"Of {score.published['all']} published numbers, ours come within a small tolerance of "
            f"{score.reproduced['all']}. The book's scorecard lists each.",
        ]
    )


if __name__ == "__main__":
    fig, axes = plt.subplots(2, 2, figsize=(6.6, 7))
    draw(axes[0, 0], "much capacity", "baseline", 10)
    points = draw(axes[0, 1], "prototypization", "baseline", 0.3)
    draw(axes[1, 0], "specialization (magnified)", "E1M1", 0.3, ("rare", "frequent"), limit=0.9)
    draw(axes[1, 1], "orthogonalization", "E2M3", 3, g.paper.CLASS_NAMES["E2M3"], latents=(1, 3), limit=2.6)
    fig.colorbar(points, ax=axes[0], label="$x_{UC}$ (column)", shrink=0.8)
    fig.savefig(g.paper.ROOT / "book/_static/overview.png", dpi=160, metadata={"Software": None})
    readme = g.paper.ROOT / "README.md"
    marks = "<!-- results, by make picture -->", "<!-- end of results -->"
    text = re.sub(f"(?s){marks[0]}.*{marks[1]}", f"{marks[0]}\n{table()}\n{marks[1]}", readme.read_text())
    readme.write_text(text)
