"""Two plots: everyone's time relative to ours, and growth with the sizes.  Colours of Okabe and Ito, and shapes as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.contest import Row
from benchmarks.summary import exponent

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
RATIOS = {
    "sigma_min": "σ_min of the Jacobian",
    "flow": "flow to 1e-7 of the loss",
    "descent": "descent, an iteration",
    "phase": "phase diagram",
}


def ratios(results: Mapping[str, Sequence[Row]], path: Path) -> bool:
    """A panel a comparison, a line a contender, a mark a case; False if there is nothing to draw."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "benchmarks"  # the same file from the same figures
    from matplotlib import pyplot as plt

    shown = {name: [r for r in results.get(name, ()) if r.ratio is not None] for name in RATIOS}
    shown = {name: rows for name, rows in shown.items() if rows}
    if not shown:
        return False
    names = {name: list(dict.fromkeys(row.contender for row in rows)) for name, rows in shown.items()}
    heights = [len(labels) + 1 for labels in names.values()]
    figure, axes = plt.subplots(
        len(shown),
        1,
        squeeze=False,
        figsize=(8, 1.0 + 0.3 * sum(heights)),
        gridspec_kw={"height_ratios": heights},
        layout="constrained",
    )
    for ax, (name, rows) in zip(axes[:, 0], shown.items(), strict=True):
        labels = names[name]
        cases = list(dict.fromkeys(row.case for row in rows))
        for number, case in enumerate(cases):
            these = [row for row in rows if row.case == case]
            centre = [float(row.ratio or 0) for row in these]
            reach = [
                [c - float(r.ratio_low or c) for c, r in zip(centre, these, strict=True)],
                [float(r.ratio_high or c) - c for c, r in zip(centre, these, strict=True)],
            ]
            shift = 0.5 * (number / max(1, len(cases) - 1) - 0.5)
            heights_ = [labels.index(row.contender) + shift for row in these]
            ax.errorbar(
                centre,
                heights_,
                xerr=[[max(0.0, x) for x in side] for side in reach],
                fmt=MARKERS[number % len(MARKERS)],
                color=COLOURS[number % len(COLOURS)],
                markersize=5,
                label=case,
            )
        ax.set_xscale("log")
        ax.axvline(1.0, color="0.5", linewidth=0.8)
        ax.set_yticks(range(len(labels)), labels, fontsize=8)
        ax.set_ylim(len(labels) - 0.4, -0.6)
        ax.grid(axis="x", color="0.9")
        ax.set_title(RATIOS[name], fontsize=10)
        ax.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    axes[-1, 0].set_xlabel("time / time of dipcert (median, 95 % interval; to the right: slower)")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return True


def growth(rows: Sequence[Row], path: Path) -> bool:
    """Time over n, m, k with the fitted powers; False if there is nothing to draw."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "benchmarks"  # the same file from the same figures
    from matplotlib import pyplot as plt

    points = [row for row in rows if row.median is not None and " = " in row.case]
    if not points:
        return False
    tasks = list(dict.fromkeys(row.contender for row in points))
    sizes = sorted({row.case.split(" = ")[0] for row in points}, key="nmk".index)
    figure, axes = plt.subplots(1, len(sizes), squeeze=False, sharey=True, figsize=(9, 3.6), layout="constrained")
    for ax, size in zip(axes[0], sizes, strict=True):
        for number, task in enumerate(tasks):
            these = [row for row in points if row.contender == task and row.case.startswith(f"{size} = ")]
            if not these:
                continue
            x = [float(row.case.split(" = ")[1]) for row in these]
            y = [float(row.median or 0) for row in these]
            colour, label = COLOURS[number % len(COLOURS)], task
            if len(x) >= 3:
                fit = exponent(x, y)
                ax.plot(x, [1e3 * fit.constant * s**fit.value for s in x], color=colour, linewidth=1)
                label = f"{task}: {size}^{fit.value:.2f}"
            ax.plot(x, [1e3 * s for s in y], MARKERS[number % len(MARKERS)], color=colour, markersize=5, label=label)
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        ticks = sorted({int(row.case.split(" = ")[1]) for row in points if row.case.startswith(f"{size} = ")})
        ax.set_xticks(ticks, [str(tick) for tick in ticks])
        ax.minorticks_off()
        ax.set_xlabel({"n": "outputs n", "m": "observations m", "k": "width k"}[size])
        ax.grid(color="0.9")
        ax.legend(fontsize=7, frameon=False)
    axes[0, 0].set_ylabel("time [ms]")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return True
