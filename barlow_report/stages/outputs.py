"""What the inspected model's outputs mean: predictions and confidences, and what a reader must know of them."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.config import Config, ModelConfig, OutputSetting
from barlow_report.errors import ConfigError, ModelError
from barlow_report.formatting import counted
from barlow_report.run_folder import Run
from barlow_report.stages.holding_out import draw_split
from barlow_report.thresholds import Chosen, Measure, choose_threshold
from barlow_report.vision.class_names import some
from barlow_report.vision.configured_outputs import check_setting, describe_setting
from barlow_report.vision.datasets import ImageList
from barlow_report.vision.decisions import Decided, Positive, probabilities
from barlow_report.vision.one_output import check_one_output, describe_one_output
from barlow_report.vision.outputs import TOLERANCE, confidences, count_ties, decide_kind, describe_kind

__all__ = ["judge_outputs", "output_setting", "positive_class", "refuse_exclusive"]

MIN_JUDGED = 8
"""Fewer images may add up to 1 by chance."""

Integers = npt.NDArray[np.int64]

_WORDS = {"balanced_accuracy": "balanced accuracy", "f1": "F1"}
_NOTES = ("outputs", "ties", "positive", "threshold")


def output_setting(config: Config, images: ImageList) -> dict[str, Any]:
    """What predictions and confidences depend on and the shards do not."""
    inspected = None if images.predictions is not None else config.inspected_model
    if inspected is None or inspected.output is None:
        return {}
    asked: dict[str, Any] = {"output": inspected.output}
    if images.column is not None:
        asked["column"] = images.column
    if inspected.positive is not None or inspected.threshold is not None:
        asked["positive"] = [inspected.positive, inspected.threshold]
    if inspected.chosen_by is not None:  # on which images
        asked["split"] = [config.seed, config.rules.held_out_fraction, config.rules.evidence_kind == "held_out"]
    return asked


def positive_class(config: Config, images: ImageList) -> int:
    """Return the class_id of the positive one of two classes.

    Raises:
        ConfigError: The configuration names another one.
    """
    name = None if config.inspected_model is None else config.inspected_model.positive
    if name is None or images.n_outputs is not None:
        return 1
    if name not in images.class_names:
        raise ConfigError(
            f"inspected_model.positive: found {name!r}, expected one of the classes: {some(images.class_names)}."
        )
    return images.class_names.index(name)


def judge_outputs(
    outputs: npt.NDArray[np.void],
    largest: Integers,
    images: ImageList,
    kept: Integers,
    *,
    config: Config,
    spec: ModelConfig,
    run: Run,
) -> Decided:
    """Return what follows from all outputs; note in the run how, and what was assumed.

    Args:
        outputs: Of the images that could be read, see `vision.outputs.summarise`, (n_kept,); of one output alone, where
            it decides.
        largest: Which output is the largest, (n_kept,).
        images: All images.
        kept: Which of them could be read, (n_kept,).
        config: The configuration.
        spec: Its inspected model.
        run: The run folder, in which the models are noted.

    Raises:
        ModelError: The outputs contradict the configuration, tell no classes apart, or give no threshold.
    """
    for key in _NOTES:
        run.retract("extract", key)  # of an attempt with another setting that did not finish
    run.delete_table("scores")
    if images.column is not None or run.info["models"]["inspected"]["n_outputs"] == 1:
        return _judge_one(outputs["largest"], images, kept, config=config, spec=spec, run=run)
    where, is_linear = _model(run)
    if spec.positive is not None or spec.threshold is not None:
        raise ModelError(
            f"{where}: 'positive' and 'threshold' are for models with one output, and it has one for each class. Leave "
            "them out."
        )
    names = [images.paths[i] for i in kept]
    setting = spec.output
    if setting is None:
        kind = decide_kind(outputs, is_linear=is_linear, model=where, names=names)
        described = describe_kind(outputs, kind, is_linear=is_linear)
    else:
        kind = check_setting(outputs, setting, is_linear=is_linear, model=where, names=names)
        described = describe_setting(setting)
    ties = count_ties(outputs["n_largest"] > 1, images.labels[kept], class_names=images.class_names)
    if ties is not None and ties.are_too_many:
        raise ModelError(f"{where}: {ties.refusal}")
    run.update_info(outputs={"kind": kind, "n_tied": 0 if ties is None else ties.n_tied})
    for key, text in {"outputs": described, "ties": None if ties is None else ties.assumption}.items():
        if text is not None:
            run.assume("extract", key, text)
    return Decided(largest, confidences(outputs, kind))


def refuse_exclusive(outputs: npt.NDArray[np.void], setting: OutputSetting | None, *, model: str) -> None:
    """Raise a ModelError where outputs that should be independent add up to 1 for every image, as a softmax's do.

    Args:
        outputs: Of all images, see `vision.outputs.summarise`; of all outputs together, two at least.
        setting: As configured.
        model: Names the model.
    """
    adds_up = np.abs(outputs["total"] - 1) <= TOLERANCE
    if setting == "probabilities" and len(outputs) >= MIN_JUDGED and bool(adds_up.all()):
        raise ModelError(
            f"inspected_model: {model}: 'output: probabilities' contradicts the outputs, which add up to 1 for all "
            f"{counted(len(outputs), 'image')}, as after a softmax over exclusive classes. Labels for each output need "
            "one that is independent of the others: let the model end in a sigmoid, or give one label per image."
        )


def _judge_one(
    values: npt.NDArray[np.float64], images: ImageList, kept: Integers, *, config: Config, spec: ModelConfig, run: Run
) -> Decided:
    """The same where one output decides between two classes."""
    where, is_linear = _model(run)
    setting = spec.output or "logits_binary"  # one of them is set, else the model was refused
    kind = check_one_output(values, setting, is_linear=is_linear, model=where, names=[images.paths[i] for i in kept])
    class_id, probability = positive_class(config, images), probabilities(values, kind)
    positive, negative = images.class_names[class_id], images.class_names[1 - class_id]
    threshold, chosen = spec.threshold, None
    if isinstance(threshold, dict):
        raise LookupError("the threshold of the output was not looked up")  # unreachable: `Config.of_its_output` did
    if spec.chosen_by is not None:
        is_positive = images.labels[kept] == class_id
        used = _used(images.labels[kept], config)
        chosen = _choose(is_positive[used], probability[used], maximises=spec.chosen_by, where=where)
        threshold = chosen.threshold
    decides = Positive(
        column=images.column or 0, class_id=class_id, threshold=0.5 if threshold is None else float(threshold)
    )
    n_equal = int((probability == decides.threshold).sum())
    noted = {
        "column": decides.column,
        "class_id": class_id,
        "threshold": decides.threshold,
        "maximises": spec.chosen_by,
    }
    if chosen is not None:
        noted |= {"value": chosen.value, "n_images": chosen.n_images}
    run.update_info(outputs={"kind": kind, "n_tied": n_equal, "positive": noted})
    finite = np.maximum(values, np.finfo(np.float64).min)  # −inf is the logit of 0
    run.write_table("scores", pd.DataFrame({"image_id": np.arange(len(values)), "output": finite}))
    run.assume("extract", "outputs", describe_one_output(kind, positive=positive, negative=negative))
    if spec.positive is None and images.column is None:
        run.assume(
            "extract", "positive", f"{positive!r}, the second class, was taken as the positive one: no class is named."
        )
    run.assume("extract", "threshold", _describe_threshold(decides, spec, chosen, positive, n_equal, config=config))
    return decides.decide(probability)


def _used(labels: Integers, config: Config) -> npt.NDArray[np.bool_]:
    """The images that a threshold is chosen on: those that test nothing, or all where failures are shuffled."""
    if config.rules.evidence_kind == "held_out":
        return ~draw_split(config, labels, None)
    return np.ones(len(labels), dtype=np.bool_)


def _choose(
    is_positive: npt.NDArray[np.bool_], probability: npt.NDArray[np.float64], *, maximises: Measure, where: str
) -> Chosen:
    found = choose_threshold(is_positive, probability, maximises=maximises)
    if found is None:
        raise ModelError(
            f"{where}: 'threshold: {maximises}' needs images of both classes and different outputs, and found "
            f"{is_positive.sum()} positive ones of {counted(len(is_positive), 'image')}, with "
            f"{len(np.unique(probability))} different probabilities. Set 'threshold' to a number."
        )
    return found


def _describe_threshold(
    decides: Positive, spec: ModelConfig, chosen: Chosen | None, positive: str, n_equal: int, *, config: Config
) -> str:
    at = f"p ≥ {decides.threshold:.6g}"
    equal = f" p is exactly that for {counted(n_equal, 'image')}." if n_equal else ""
    if chosen is None or spec.chosen_by is None:
        source = "no threshold is configured" if spec.threshold is None else "as configured"
        return f"An image is taken for {positive!r} where {at}: {source}.{equal}"
    on = (
        f"the {counted(chosen.n_images, 'image')} that rules are not tested on"
        if config.rules.evidence_kind == "held_out"
        else f"all {counted(chosen.n_images, 'image')}, from labels and p alone"
    )
    return (
        f"An image is taken for {positive!r} where {at}: this threshold has the largest {_WORDS[spec.chosen_by]}, "
        f"{chosen.value:.3g}, on {on}.{equal}"
    )


def _model(run: Run) -> tuple[str, bool]:
    """The inspected model as errors name it, and whether its outputs are those of a linear layer."""
    model = run.info["models"]["inspected"]
    return f"inspected_model: {model['name']}", bool(model["ends_in_linear"])
