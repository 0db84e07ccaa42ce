"""The curve of a training, as a picture beside its table."""

import io

import pandas as pd
from matplotlib.figure import Figure

__all__ = ["draw_training_curve"]

# As in charts.py; this picture lies in a run folder and is looked at on a white page.
_CLEAN, _ROBUST, _LOSS, _GRID, _TEXT = "#0072b2", "#d55e00", "#009e73", "#d9dce1", "#3b3f46"


def draw_training_curve(metrics: pd.DataFrame) -> bytes:
    """Draw accuracy, robust accuracy, loss and radius over the epochs, as PNG.

    Args:
        metrics: One row per epoch, columns epoch, radius, loss, accuracy and robust_accuracy (0 to 1; NaN without an
            adversary); at least one row.
    """
    figure = Figure(figsize=(7.2, 4.8), layout="constrained", dpi=110)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    epochs = metrics["epoch"]
    above.plot(epochs, metrics["accuracy"] * 100, color=_CLEAN, marker=".", label="validation accuracy")
    if metrics["robust_accuracy"].notna().any():
        robust = metrics["robust_accuracy"] * 100
        above.plot(epochs, robust, color=_ROBUST, marker=".", label="the same under the adversary")
    above.set(ylim=(0, 102), ylabel="accuracy in %")
    above.legend(loc="lower right", frameon=False, labelcolor=_TEXT)
    below.plot(epochs, metrics["loss"], color=_LOSS, marker=".", label="training loss")
    below.set(ylim=(0, None), ylabel="training loss", xlabel="epoch")
    if metrics["radius"].max() > 0:
        radius = below.twinx()
        radius.plot(epochs, metrics["radius"], color=_ROBUST, linestyle="--")
        radius.set_ylim(0, metrics["radius"].max() * 1.1)
        radius.set_ylabel("radius (dashed)", color=_TEXT)
        radius.tick_params(colors=_TEXT, length=0)
        radius.spines[:].set_visible(False)
    for axes in (above, below):
        axes.grid(color=_GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(colors=_TEXT, length=0)
        axes.spines[:].set_visible(False)
    below.xaxis.get_major_locator().set_params(integer=True)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
