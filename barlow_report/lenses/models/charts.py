"""Charts that compare models: error types by accuracy, and which failure modes hold for which model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
_N_FAMILIES = 7  # that have a colour of their own
_N_LARGE = 150  # models whose points are large
_N_BESIDE = 3  # entries of a legend in one line
_N_MODES = 40
_N_NAMED = 12  # of more models the axis shows the accuracy, not their names
_MOST_LETTERS = 20  # that names of models beside each other may have
_MARGIN = 0.06


def error_types_by_accuracy(points: pd.DataFrame, *, titles: dict[str, str]) -> Chart:
    """Draw, for each error type, its share of a model's failures against the model's top-1 accuracy.

    Args:
        points: Columns model_id, family (None where it is not known), accuracy and share, 0 to 1, error_type; a row for
            each model and type. Model 0 is the inspected one.
        titles: What the types are called, in the order they are drawn.
    """
    limits, clouds = _limits(points["accuracy"]), _clouds(points)
    scale = 1.0 if points["model_id"].nunique() <= _N_LARGE else 0.6

    def panel(error_type: str, *, is_first: bool) -> Callable[[Axes, Theme], None]:
        rows = points[points["error_type"] == error_type]

        def draw(axes: Axes, theme: Theme) -> None:
            for cloud in clouds:
                shown = rows[rows["model_id"].isin(cloud.model_ids)]
                if len(shown):
                    plot_cloud(
                        axes,
                        shown["accuracy"] * 100,
                        shown["share"] * 100,
                        colour=cloud.colour(theme),
                        cap=cloud.shape.cap,
                        size=cloud.shape.size * (1.2 if cloud.is_inspected else scale),
                    )
            axes.set_xlim(*limits)
            axes.set_ylim(0, max(5.0, rows["share"].max() * 115))
            axes.set_title(titles[error_type], color=theme.text, fontsize=10, loc="left")
            axes.grid(color=theme.grid, linewidth=0.8)
            axes.locator_params(axis="x", nbins=4)
            if is_first:
                axes.set_ylabel("share of failures in %", color=theme.text)
                axes.set_xlabel("top-1 in %", color=theme.text)
                _draw_legend(axes, theme, clouds)

        return draw

    draws = [panel(error_type, is_first=not place) for place, error_type in enumerate(titles)]
    n_rows = -(-len(draws) // _N_COLUMNS)
    n_lines = -(-len(clouds) // _N_BESIDE)
    return draw_charts(
        draws,
        alt=_types_alt(points, titles) + _families_alt(clouds),
        height=0.3 + 0.2 * n_lines + 1.5 * n_rows,
        n_columns=min(len(draws), _N_COLUMNS),
    )


@dataclass(frozen=True, kw_only=True)
class _Shape:
    """How points look: the cap of their strokes, the mark of a legend, and how large they are to look alike."""

    cap: str
    marker: str
    size: float


_ROUND = _Shape(cap="round", marker="o", size=6.0)
_SQUARE = _Shape(cap="projecting", marker="s", size=5.4)
_DIAMOND = _Shape(cap="butt", marker="D", size=7.0)


@dataclass(frozen=True, kw_only=True)
class _Cloud:
    """Models that look alike; `kind` is the place of their colour among those of kinds."""

    label: str
    model_ids: tuple[int, ...]
    shape: _Shape
    kind: int | None = None
    is_inspected: bool = False

    def colour(self, theme: Theme) -> str:
        if self.is_inspected:
            return theme.text
        return theme.rest if self.kind is None else theme.kinds[self.kind]


def _clouds(points: pd.DataFrame) -> list[_Cloud]:
    """The families of most models, then the models of other ones and of none, and the inspected one on top."""
    models = points.drop_duplicates("model_id").query("model_id != 0")
    sizes = models["family"].dropna().value_counts()
    order = sorted(sizes.index, key=lambda family: (-int(sizes[family]), str(family)))
    named = order[:_N_FAMILIES]
    shapes = (_ROUND, _SQUARE, _DIAMOND)
    clouds = [
        _Cloud(
            label=str(family),
            model_ids=tuple(models.loc[models["family"] == family, "model_id"]),
            shape=shapes[place % len(shapes)],
            kind=place,
        )
        for place, family in enumerate(named)
    ]
    others = tuple(models.loc[~models["family"].isin(named), "model_id"])
    if others:
        label = "other models" if named or len(order) == 0 else "models"
        clouds.insert(0, _Cloud(label=label, model_ids=others, shape=_ROUND, kind=None if named else 0))
    inspected = _Cloud(label="this report's model", model_ids=(0,), shape=_SQUARE, is_inspected=True)
    return [*clouds, inspected]


def _draw_legend(axes: Axes, theme: Theme, clouds: Sequence[_Cloud]) -> None:
    axes.figure.legend(
        handles=[
            legend_dot(shorten(cloud.label, max_length=20), colour=cloud.colour(theme), marker=cloud.shape.marker)
            for cloud in sorted(clouds, key=lambda cloud: (not cloud.is_inspected, cloud.kind is None))
        ],
        loc="outside lower left",
        ncols=min(len(clouds), _N_BESIDE),
        frameon=False,
        labelcolor=theme.text,
        fontsize=9,
        handletextpad=0.2,
        columnspacing=1.0,
    )


def _families_alt(clouds: Sequence[_Cloud]) -> str:
    families = [f"{cloud.label} ({len(cloud.model_ids)})" for cloud in clouds if cloud.kind is not None]
    return f" Families by colour and shape: {', '.join(families)}." if len(families) > 1 else ""


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
