"""Draw book/_static/overview.png and fill in the README's table, from the released networks: `make picture`."""

import re

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np

import geomlib as g

g.figures.style()
published, ours = (table.query("model == 'baseline'") for table in (g.paper.published(), g.paper.results()))


def draw(ax, title, model, capacity, end=None):
    """The mean codes of the 169 stimuli in the plane in which they differ most, coloured by the model's classes if it
    has two, else by the column of the upper corridor."""
    means, _ = g.results.codes()[model, capacity, 0]
    names = g.paper.CLASS_NAMES.get(model, ())
    colours = g.paper.classes(model, g.data.PAIRS) if names else np.arange(169)
    g.figures.draw_map(
        ax, g.measures.plane(means), colours, title=f"{title}\n{model}, {g.figures.nats(capacity)}", end=end
    )
    ax.set(xticks=[], yticks=[])


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
            "The page *Notation* (`book/notation.md`) explains models and measures.",
            "In brackets: the effect of each model, a difference from a control, at the smallest capacity at which it",
            "holds, or else has a number. We wrote the rule for a verdict down first, and only then",
            "trained the networks it judges (`book/protocol.md`). The baseline, seed 0:",
            "",
            *("| " + " | ".join(row) + " |" for row in rows),
            "",
            f"Of {score.published['all']} published numbers, ours come within a small tolerance of "
            f"{score.reproduced['all']}. The book's scorecard lists each.",
        ]
    )


if __name__ == "__main__":
    fig, axes = plt.subplots(1, 4, figsize=(8, 2.4), layout="constrained")
    draw(axes[0], "more capacity", "baseline", 6, 2.6)
    draw(axes[1], "less capacity", "baseline", 0.3, 2.6)
    draw(axes[2], "unequal frequencies", "E1M1", 0.3)
    draw(axes[3], "a task", "E2M1", 3)
    fig.savefig(g.paper.ROOT / "book/_static/overview.png", dpi=200, metadata={"Software": None})
    readme = g.paper.ROOT / "README.md"
    marks = "<!-- results, by make picture -->", "<!-- end of results -->"
    text = re.sub(f"(?s){marks[0]}.*{marks[1]}", f"{marks[0]}\n{table()}\n{marks[1]}", readme.read_text())
    readme.write_text(text)
