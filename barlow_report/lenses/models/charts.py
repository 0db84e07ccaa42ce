"""Charts that compare models: error types by accuracy, and which failure modes hold for which model."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes

from barlow_report.chart import Chart
from barlow_report.formatting import counted, percent
from barlow_report.visuals.drawing import Theme, draw_chart, draw_charts, legend_dot, plot_cloud, shorten

__all__ = ["error_types_by_accuracy", "modes_by_model"]

Booleans = npt.NDArray[np.bool_]

_N_COLUMNS = 2
_N_MODES = 40
_N_NAMED = 12  # of more models the axis shows the accuracy, not their names
_MOST_LETTERS = 20  # that names of models beside each other may have
_MARGIN = 0.06


def error_types_by_accuracy(points: pd.DataFrame, *, titles: dict[str, str]) -> Chart:
    """Draw, for each error type, its share of a model's failures against the model's top-1 accuracy.

    Args:
        points: Columns model_id, accuracy and share, 0 to 1, error_type; a row for each model and type. Model 0 is
            the inspected one.
        titles: What the types are called, in the order they are drawn.
    """
    limits = _limits(points["accuracy"])

    def panel(error_type: str, *, is_first: bool) -> Callable[[Axes, Theme], None]:
        rows = points[points["error_type"] == error_type]

        def draw(axes: Axes, theme: Theme) -> None:
            for is_inspected, colour, cap, size in (
                (False, theme.first, "round", 6.0),
                (True, theme.second, "projecting", 5.5),
            ):
                cloud = rows[(rows["model_id"] == 0) == is_inspected]
                if len(cloud):
                    plot_cloud(axes, cloud["accuracy"] * 100, cloud["share"] * 100, colour=colour, cap=cap, size=size)
            axes.set_xlim(*limits)
            axes.set_ylim(0, max(5.0, rows["share"].max() * 115))
            axes.set_title(titles[error_type], color=theme.text, fontsize=10, loc="left")
            axes.grid(color=theme.grid, linewidth=0.8)
            axes.locator_params(axis="x", nbins=4)
            if is_first:
                axes.set_ylabel("share of failures in %", color=theme.text)
                axes.set_xlabel("top-1 in %", color=theme.text)
                marks = [legend_dot("this report's model", colour=theme.second, marker="s")]
                axes.figure.legend(
                    handles=[*marks, legend_dot("other models", colour=theme.first)],
                    loc="outside lower right",
                    ncols=2,
                    frameon=False,
                    labelcolor=theme.text,
                    fontsize=9,
                )

        return draw

    draws = [panel(error_type, is_first=not place) for place, error_type in enumerate(titles)]
    n_rows = -(-len(draws) // _N_COLUMNS)
    return draw_charts(
        draws, alt=_types_alt(points, titles), height=0.5 + 1.5 * n_rows, n_columns=min(len(draws), _N_COLUMNS)
    )


def _types_alt(points: pd.DataFrame, titles: dict[str, str]) -> str:
    order = points[["model_id", "accuracy"]].drop_duplicates().sort_values("accuracy")["model_id"]
    worst, best = (
        points[points["model_id"] == order.iloc[place]].set_index("error_type")["share"] for place in (0, -1)
    )
    parts = [
        f"{title} {percent(worst[key], decimals=0)} to {percent(best[key], decimals=0)}"
        for key, title in titles.items()
    ]
    return f"Share of each error type among the failures, least and most accurate model: {', '.join(parts)}."


def _limits(values: "pd.Series[float]") -> tuple[float, float]:
    low, high = float(values.min()) * 100, float(values.max()) * 100
    room = max(0.5, (high - low) * _MARGIN)
    return low - room, high + room


def modes_by_model(
    holds: Booleans, proposed: Booleans, *, modes: Sequence[str], models: Sequence[str], accuracies: Sequence[float]
) -> Chart:
    """Draw a row for each failure mode and a column for each model, the least accurate one first.

    Args:
        holds: (n_modes, n_models) where a mode holds for a model.
        proposed: (n_modes, n_models) where the model's own trees have it.
        modes: (n_modes,) what the modes are called; those that hold for most models first.
        models: (n_models,) what the models are called.
        accuracies: (n_models,) top-1, 0 to 1.
    """
    order = np.argsort(accuracies, kind="stable")
    shown = min(len(modes), _N_MODES)
    held, only = holds[:shown, order], (proposed & ~holds)[:shown, order]
    n_models = len(models)
    size = float(np.clip(190 / n_models, 2.0, 9.0))

    def draw(axes: Axes, theme: Theme) -> None:
        for cells, colour, cap, width in (
            (held, theme.second, "projecting", size),
            (only, theme.first, "round", size * 0.55),
        ):
            rows, columns = np.nonzero(cells)
            if len(rows):
                plot_cloud(axes, columns, rows, colour=colour, cap=cap, size=width)
        axes.set_xlim(-0.7, n_models - 0.3)
        axes.set_ylim(shown - 0.4, -0.6)
        axes.set_yticks(range(shown), [shorten(name, max_length=48) for name in modes[:shown]], fontsize=8)
        if n_models <= _N_NAMED:
            names = [shorten(models[i], max_length=18) for i in order]
            is_turned = sum(map(len, names)) > _MOST_LETTERS
            axes.set_xticks(
                range(n_models), names, rotation=35 if is_turned else 0, ha="right" if is_turned else "center"
            )
        else:
            places = np.unique(np.linspace(0, n_models - 1, 5).round().astype(int))
            axes.set_xticks(places, [percent(accuracies[order[place]], is_rest=True) for place in places])
            axes.set_xlabel("models by top-1 accuracy", color=theme.text)
        axes.grid(color=theme.grid, linewidth=0.6)
        axes.figure.legend(
            handles=[
                legend_dot("holds", colour=theme.second, marker="s"),
                legend_dot("only in its own tree", colour=theme.first),
            ],
            loc="outside lower right",
            ncols=2,
            frameon=False,
            labelcolor=theme.text,
            fontsize=9,
        )

    alt = (
        f"Which of {counted(len(modes), 'failure mode')} hold for which of {counted(n_models, 'model')}: "
        f"{int(holds.all(axis=1).sum())} for all, {int((holds.sum(axis=1) == 1).sum())} for only one."
        + (f" Drawn are the {shown} that hold for most models." if shown < len(modes) else "")
    )
    return draw_chart(draw, alt=alt, height=1.3 + 0.2 * shown)
