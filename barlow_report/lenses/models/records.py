"""Several models as pages show them: how accurate they are, what errors they make, which failure modes they share."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from barlow_report.formatting import count
from barlow_report.lenses.error_types.records import Breakdown, is_suggested, read_breakdowns
from barlow_report.lenses.models.metadata import NOTHING, Metadata
from barlow_report.report.records import Condition, Share
from barlow_report.visible import visible

__all__ = [
    "CommonError",
    "ModeRate",
    "ModelEntry",
    "ModelTables",
    "SharedMode",
    "listed_models",
    "read_models",
    "shared_conditions",
    "sharing_words",
]

_N_NAMES = 4
_FOLDERS = re.compile(r"(?<![\w.:/])/(?:[^\s/:'\",;()]+/)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """A model.

    Attributes:
        accuracy: Top-1, over all images.
        errors: What kinds of errors its failures are; None where error types were not computed.
        accuracies: Means over classes, by measure; see table `model_accuracies`.
        n_found: Failure modes that its own trees have; None where it was given none.
        n_holds: Failure modes, its own or others', that hold for it.
        known: What is known of it beside.
    """

    model_id: int
    name: str
    accuracy: Share
    errors: Breakdown | None
    accuracies: Mapping[str, float | None]
    n_found: int | None
    n_holds: int
    known: Metadata = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonError:
    """An image that most models miss; see table `common_errors`.

    Attributes:
        missed: Models that miss it.
        same: Models that take it for `prediction`.
        error_type: Of that error; empty where types were not computed.
        thumbnail: Empty without a picture.
    """

    image_id: int
    prediction: int
    missed: Share
    same: Share
    error_type: str
    detail: str
    rank: int
    thumbnail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeRate:
    """A failure mode counted for one model on held-out images; see table `shared_mode_rates`."""

    error: Share
    base: Share
    is_found: bool
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedMode:
    """A failure mode that holds for at least one model; `rates` are those of all models, in their order."""

    mode_id: int
    grouping: str
    class_id: int
    model_id: int
    rule_id: int | None
    conditions: tuple[Condition, ...]
    rates: tuple[ModeRate, ...]

    @property
    def n_found(self) -> int:
        """Models whose own trees have it."""
        return sum(rate.is_found for rate in self.rates)

    @property
    def n_holds(self) -> int:
        """Models that it holds for."""
        return sum(rate.holds for rate in self.rates)


@dataclass(frozen=True, kw_only=True)
class ModelTables:
    """All models of a run, the inspected one first, and what they have in common.

    Attributes:
        modes: Failure modes that hold for any of them.
        errors: Images that most of them miss, those that most miss first.
        left_out: Name and reason of models that could not be compared.
    """

    models: tuple[ModelEntry, ...]
    modes: tuple[SharedMode, ...]
    errors: tuple[CommonError, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def has_metadata(self) -> bool:
        """Whether anything is known of any model beside its predictions."""
        return any(model.known != NOTHING for model in self.models)

    def sharing(self, rule_id: int) -> SharedMode | None:
        """The mode that says what a rule of this report says, if it holds for any model."""
        return self._by_rule.get(rule_id)

    @cached_property
    def _by_rule(self) -> dict[int, SharedMode]:
        return {mode.rule_id: mode for mode in self.modes if mode.rule_id is not None}


def listed_models(names: list[str]) -> str:
    """List the first few names, and say how many more there are."""
    rest = len(names) - _N_NAMES
    return ", ".join(names[:_N_NAMES]) + (f" and {count(rest)} more" if rest > 0 else "")


def sharing_words(compared: ModelTables, rule_id: int) -> str:
    """Say for which other models a rule of the report holds; nothing where it holds for none.

    A rule whose mode holds for no model at all is not among the shared modes.
    """
    mode = compared.sharing(rule_id)
    if mode is None:
        return ""
    pairs = zip(compared.models[1:], mode.rates[1:], strict=True)
    others, n = [model.name for model, rate in pairs if rate.holds], len(compared.models) - 1
    of_all = f"of {count(n)} other model{'s' * (n != 1)}"
    if not others:
        return f"Holds for none {of_all}."
    return f"Holds for {count(len(others))} {of_all}: {listed_models(others)}."


def read_models(tables: Mapping[str, pd.DataFrame]) -> ModelTables | None:
    """Return the models of a run with what they share; None where there is none.

    Args:
        tables: The tables of the run.
    """
    if "models" not in tables or "shared_mode_rates" not in tables:
        return None
    errors = read_breakdowns(tables["model_error_types"], "model_id", is_suggested=is_suggested(tables))
    accuracies: dict[int, dict[str, float | None]] = {}
    for row in tables["model_accuracies"].itertuples():
        accuracies.setdefault(row.model_id, {})[row.measure] = None if np.isnan(row.value) else float(row.value)
    models = tuple(
        ModelEntry(
            model_id=row.model_id,
            name=visible(row.name),
            accuracy=Share(row.n_correct, row.n_images, row.accuracy_low, row.accuracy_high),
            errors=errors.get(row.model_id),
            accuracies=accuracies.get(row.model_id, {}),
            n_found=None if pd.isna(row.n_found) else int(row.n_found),
            n_holds=row.n_holds,
            known=_known(row),
        )
        for row in tables["models"].sort_values("model_id").itertuples(index=False)
    )
    left_out = tables.get("models_left_out")
    rows = () if left_out is None else left_out[["name", "reason"]].itertuples(index=False)
    return ModelTables(
        models=models,
        modes=_modes(tables),
        errors=tuple(_errors(tables, n_models=len(models))),
        left_out=tuple((visible(name), visible(_without_folders(reason))) for name, reason in rows),
    )


def _known(row: Any) -> Metadata:
    values: dict[str, Any] = {field.name: getattr(row, field.name) for field in fields(Metadata)}
    for name, value in values.items():
        if pd.isna(value):
            values[name] = None
        elif isinstance(value, str):
            values[name] = visible(value)
    for name in ("n_parameters", "input_height", "input_width"):
        values[name] = None if values[name] is None else int(values[name])
    return Metadata(**values)


def _without_folders(reason: str) -> str:
    """A reason without the places where files lie, which are nobody's business but their owner's."""
    return _FOLDERS.sub("", reason)


def _errors(tables: Mapping[str, pd.DataFrame], *, n_models: int) -> Iterator[CommonError]:
    table = tables.get("common_errors")
    if table is None:
        return
    for row in table.sort_values(["n_missed", "n_same", "image_id"], ascending=[False, False, True]).itertuples():
        yield CommonError(
            image_id=row.image_id,
            prediction=row.prediction,
            missed=Share(row.n_missed, n_models),
            same=Share(row.n_same, n_models),
            error_type=row.error_type or "",
            detail=visible(row.detail or ""),
            rank=row.rank,
            thumbnail=row.thumbnail or "",
        )


def shared_conditions(tables: Mapping[str, pd.DataFrame]) -> dict[int, tuple[Condition, ...]]:
    """The conditions of each shared failure mode, by its mode_id, the one at the root first."""
    conditions: dict[int, list[Condition]] = {}
    for row in tables["shared_mode_conditions"].sort_values(["mode_id", "position"]).itertuples():
        condition = Condition(
            feature_id=row.feature_id,
            branch=row.branch,
            threshold=row.threshold,
            printed_threshold=row.printed_threshold,
        )
        conditions.setdefault(row.mode_id, []).append(condition)
    return {mode_id: tuple(found) for mode_id, found in conditions.items()}


def _modes(tables: Mapping[str, pd.DataFrame]) -> tuple[SharedMode, ...]:
    conditions = shared_conditions(tables)
    rates: dict[int, list[ModeRate]] = {}
    for row in tables["shared_mode_rates"].sort_values(["mode_id", "model_id"]).itertuples():
        has_interval = not np.isnan(row.low)
        rate = ModeRate(
            error=Share(
                row.n_failures, row.n_images, row.low if has_interval else None, row.high if has_interval else None
            ),
            base=Share(row.n_group_failures, row.n_group_images),
            is_found=bool(row.is_found),
            holds=bool(row.holds),
        )
        rates.setdefault(row.mode_id, []).append(rate)
    modes = [
        SharedMode(
            mode_id=row.mode_id,
            grouping=row.grouping,
            class_id=row.class_id,
            model_id=row.model_id,
            rule_id=None if pd.isna(row.rule_id) else int(row.rule_id),
            conditions=conditions.get(row.mode_id, ()),
            rates=tuple(rates.get(row.mode_id, ())),
        )
        for row in tables["shared_modes"].itertuples()
    ]
    return tuple(sorted(modes, key=lambda mode: (-mode.n_holds, mode.mode_id)))
