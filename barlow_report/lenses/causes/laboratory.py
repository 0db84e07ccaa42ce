"""The models and images of a run, and the experiments that are done with them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.config import Config, ModelConfig
from barlow_report.formatting import counted
from barlow_report.lenses.causes.choosing import (
    Similar,
    class_controls,
    other_features,
    sample,
    sides,
    similar_features,
)
from barlow_report.lenses.causes.config import CausesConfig
from barlow_report.lenses.causes.experiments import Answered, Experiment, Rows, not_tested, tabulate
from barlow_report.run_folder import Run
from barlow_report.stages.members import GroupMembers
from barlow_report.stages.output_subset import subset_of

if TYPE_CHECKING:
    from barlow_report.stages.pictures import Pictures
    from barlow_report.vision.class_subset import OutputSubset
    from barlow_report.vision.models import LoadedModel
    from barlow_report.vision.outcomes import Outcome, Task

__all__ = ["Laboratory"]

MIN_IMAGES = 10
"""Fewer images are not tested."""

SHOWN = 0.99
"""Share of the values of a change that its picture shows as they are, enlarged; the others are black or white.

A few strong pixels would otherwise leave everything else grey.
"""

NEEDED = 0.9
"""Share of the images that reach the target within the radius where none is configured."""


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """A unit, the images that it changes, and what is done to them."""

    unit: Experiment
    image_ids: npt.NDArray[np.int64]
    task: "Task"


class Laboratory:
    """The models and images of a run, ready for experiments."""

    def __init__(self, config: Config, settings: CausesConfig, run: Run, *, inspected: ModelConfig) -> None:
        from barlow_report.stages.pictures import Pictures, feature_model_config
        from barlow_report.vision.acceleration import guide_precision
        from barlow_report.vision.decisions import Decision
        from barlow_report.vision.intervention import Interventions

        self._config, self._settings = config, settings
        self._pictures: Pictures = Pictures(config, run)
        self._features = run.features()
        images = run.read_table("images")
        self._labels = images["label"].to_numpy(dtype=np.int64)
        self._conditions = run.read_table("conditions").sort_values(["rule_id", "position"])
        self._groups = run.read_table("groups").set_index("group_id")
        self._classes = run.read_table("group_classes").sort_values(["group_id", "position"])
        self._members = GroupMembers(run)
        self._is_held_out = np.asarray(run.read_table("splits")["split"] == "held_out", dtype=np.bool_)
        self._model, self._inspected = _load(
            config, inspected, self._pictures, feature_model_config(config), subset=subset_of(run)
        )
        self._decision = Decision.from_info(run.info.get("outputs"))
        self._interventions = Interventions(
            self._model,
            self._inspected,
            decision=self._decision,
            n_steps=settings.n_steps,
            batch_size=settings.batch_size,
            precision=guide_precision(settings.precision, self._model.device),
        )

    def test(self, units: Sequence[Experiment]) -> list[Rows]:
        """Change the images of some units at once, and return the rows of all tables of each."""
        plans = [self._plan(unit) for unit in units]
        tasks = [plan.task for plan in plans if isinstance(plan, _Plan)]
        outcomes = iter(self._interventions.run(tasks) if tasks else ())
        return [self._rows(plan, next(outcomes)) if isinstance(plan, _Plan) else plan for plan in plans]

    def _plan(self, unit: Experiment) -> "_Plan | Rows":
        """What to do with which images; or the rows of a unit that cannot be tested."""
        from barlow_report.rules import leaf_members
        from barlow_report.vision.outcomes import Change, Task

        if not self._model.has_gradients:
            return not_tested(unit, f"no gradients flow from the features of {self._model.name} to the images")
        members = self._members(unit.group_id)
        conditions = self._conditions[self._conditions["rule_id"] == unit.rule_id]
        own = conditions["position"] == unit.position
        uses_all = not self._is_held_out.any()
        features = np.asarray(self._features[members], dtype=np.float64)
        found = sides(
            features[:, unit.feature_id],
            leaf_members(self._features, conditions[own], image_ids=members),
            leaf_members(self._features, conditions[~own], image_ids=members),
            np.ones(len(members), dtype=np.bool_) if uses_all else ~self._is_held_out[members],
        )
        is_repair = unit.direction == "repair"
        candidates = found.inside if is_repair else found.outside
        target = found.target_outside if is_repair else found.target_inside
        tested = candidates if uses_all else candidates[self._is_held_out[members][candidates]]
        if len(tested) < MIN_IMAGES:
            return not_tested(unit, f"{counted(len(tested), 'image')} can be changed, and {MIN_IMAGES} are needed")
        if not np.isfinite(target):
            return not_tested(unit, "no image is on the other side of the threshold, to take a target from")
        similar = similar_features(features, unit.feature_id)
        controls = other_features(similar, self._settings.n_controls, seed=(self._config.seed, *unit.seed, 1))
        if len(controls) < 2:
            return not_tested(unit, "there are not two other features of this group to compare with")
        change = Change(
            feature_id=unit.feature_id,
            sign=unit.sign,
            target=target,
            radius=self._settings.radius,
            share=NEEDED if self._settings.radius is None else None,
            controls=controls,
            class_controls=self._class_controls(unit, similar),
            seed=self._config.seed * 1_000_003 + unit.rule_id * 101 + unit.position * 7 + unit.sign,
        )
        chosen = members[sample(tested, self._settings.n_images, seed=(self._config.seed, *unit.seed, 3))]
        fitted = candidates[~self._is_held_out[members][candidates]]
        known = members[sample(fitted, self._settings.n_images, seed=(self._config.seed, *unit.seed, 2))]
        task = Task(
            images=self._pictures.read_all(chosen.tolist()),
            labels=self._labels[chosen],
            change=change,
            reference=None if uses_all or not len(known) else self._pictures.read_all(known.tolist()),
        )
        return _Plan(unit=unit, image_ids=chosen, task=task)

    def _class_controls(self, unit: Experiment, similar: Similar) -> npt.NDArray[np.int64]:
        """Features with a similar weight for the class of the group, where the feature model tells these classes."""
        from barlow_report.vision.last_layer import class_weights

        nothing = np.zeros(0, dtype=np.int64)
        class_id = self._groups.loc[unit.group_id, "class_id"]
        if pd.isna(class_id):
            of_group = self._classes.loc[self._classes["group_id"] == unit.group_id, "class_id"]
            if not len(of_group):
                return nothing
            class_id = of_group.iloc[0]
        if self._model.n_outputs != self._inspected.n_outputs:
            return nothing
        one = self._decision.positive  # of the other class the weights are the same but for their sign
        weights = class_weights(self._model, int(class_id) if one is None else one.column)
        if weights is None:
            return nothing
        return class_controls(weights, similar, self._settings.n_class_controls)

    def _rows(self, plan: "_Plan", outcome: "Outcome") -> Rows:
        from barlow_report.vision.outcomes import DOSES

        unit, image_ids, change = plan.unit, plan.image_ids, plan.task.change
        radius = float(outcome.limit.max())
        if not outcome.is_reached.any():
            return not_tested(unit, f"no image reached the target within an L2 radius of {radius:.3g}")
        labels = self._labels[image_ids]

        def fails(predictions: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
            is_failure = predictions != labels.reshape(-1, *[1] * (predictions.ndim - 1))
            return np.asarray(is_failure, dtype=np.float64)

        moved = fails(outcome.moved)
        found = Answered(
            moved=moved,
            controls=fails(outcome.controls),
            control_doses=fails(outcome.control_doses),
            of_class=fails(outcome.class_controls),
            noise=fails(outcome.noise),
            unsure_moved=1 - outcome.in_label_moved,
            unsure_controls=1 - outcome.in_label_controls,
            doses=DOSES,
            control_ids=change.controls,
            class_ids=outcome.class_control_ids,
        )
        rows = tabulate(unit, found, seed=self._config.seed, level=self._config.rules.confidence_level)
        rows["causes"][0] |= {
            "n_reached": int(outcome.is_reached.sum()),
            "target": change.target,
            "radius": radius,
            "mean_length": float(outcome.length.mean()),
        }
        rows["cause_pairs"] = list(self._pairs(unit, image_ids, outcome, moved[:, 0] > 0, moved[:, -1] > 0))
        return rows

    def _pairs(
        self,
        unit: Experiment,
        image_ids: npt.NDArray[np.int64],
        outcome: "Outcome",
        before: npt.NDArray[np.bool_],
        after: npt.NDArray[np.bool_],
    ) -> Iterator[dict[str, Any]]:
        """Rows of `cause_pairs`: images whose outcome changed as meant first, then those that reached the target."""
        meant = (before & ~after) if unit.direction == "repair" else (~before & after)
        order = np.lexsort((image_ids, ~outcome.is_reached, ~meant))
        for rank, i in enumerate(order[: self._settings.n_pairs].tolist(), start=1):
            difference = outcome.moved_images[i] - outcome.images[i]
            gain = float(0.5 / max(float(np.quantile(np.abs(difference), SHOWN)), 1e-6))
            yield {
                **unit.key,
                "rank": rank,
                "image_id": int(image_ids[i]),
                "prediction_before": int(outcome.before[i]),
                "prediction_after": int(outcome.moved[i, -1]),
                "confidence_before": float(outcome.confidence_before[i]),
                "confidence_after": float(outcome.confidence_moved[i]),
                "activation_before": float(outcome.activation_before[i]),
                "activation_after": float(outcome.activation_moved[i]),
                "length": float(outcome.length[i]),
                "is_reached": bool(outcome.is_reached[i]),
                "gain": gain,
                "before": self._pictures.store(outcome.images[i]),
                "after": self._pictures.store(outcome.moved_images[i]),
                "difference": self._pictures.store(0.5 + gain * difference),
            }


def _load(
    config: Config,
    inspected_spec: ModelConfig,
    pictures: "Pictures",
    feature_spec: ModelConfig,
    *,
    subset: "OutputSubset | None",
) -> "tuple[LoadedModel, LoadedModel]":
    """The feature model and the inspected model; one object where they are one."""
    from barlow_report.vision.devices import choose_device
    from barlow_report.vision.kept_outputs import keep_outputs
    from barlow_report.vision.loading import load_model

    device = choose_device(config.device)
    size = pictures.input_size(feature_spec)
    feature = load_model(feature_spec, device=device, role="feature_model", image_size=size)
    if feature_spec is inspected_spec:
        feature = keep_outputs(feature, subset)
        return feature, feature
    size = pictures.input_size(inspected_spec)
    inspected = load_model(inspected_spec, device=device, role="inspected_model", image_size=size, needs_features=False)
    if subset is not None and feature.n_outputs == subset.n_all:
        feature = keep_outputs(feature, subset)  # it tells the same classes
    return feature, keep_outputs(inspected, subset)
