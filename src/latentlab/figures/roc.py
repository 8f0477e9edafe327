"""How many anomalies scores find, at the cost of how many false alarms."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from latentlab.figures.style import COLOURS, MARKERS, figure, plain
from latentlab.storage.memory import Array

LINES = ("-", "--", "-.")


def roc(curves: Mapping[str, tuple[Array, Array]], marks: Mapping[str, tuple[float, float]], title: str) -> Figure:
    """ROC curves and marked points by what the legend calls them: false and true positive rates, (P,) or one each."""
    drawing = figure(5.6, 7, title)
    axes = drawing.subplots()
    for number, (name, rates) in enumerate(curves.items()):
        axes.plot(*rates, LINES[number], color=COLOURS[number], label=plain(name), clip_on=False)
    axes.plot([0, 1], [0, 1], ":", color="0.6", label="chance: AUROC 0.5")
    for number, (name, rate) in enumerate(marks.items()):
        axes.plot(*rate, MARKERS[number], color="0.1", markersize=7, linestyle="", label=plain(name), clip_on=False)
    axes.set(xlabel="false positive rate: flagged, of normal images", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_ylabel("true positive rate: flagged, of anomalies")
    axes.grid(alpha=0.3)
    drawing.legend(loc="outside lower center")
    return drawing
