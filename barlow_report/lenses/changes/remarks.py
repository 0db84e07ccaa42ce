"""What differs between two runs, and what could not be compared for it: one sentence or two each."""

from barlow_report.formatting import count, counted
from barlow_report.lenses.changes.comparing import Comparison
from barlow_report.lenses.changes.counting import Pair
from barlow_report.tables import COLUMN_GROUPING

__all__ = ["remarks"]

_SETTINGS = {
    "rho": "ρ",
    "tau": "τ",
    "min_images": "min_images",
    "max_depth": "max_depth",
    "thresholds": "thresholds",
    "n_selected_features": "n_selected_features",
    "max_q_value": "max_q_value",
    "confidence_level": "confidence_level",
}
_EVIDENCE = {
    "shuffles": "compares failures with shuffled ones",
    "held_out": "tests rules on held-out images",
    "in_sample": "tests no rule",
}
_N_NAMED = 5


def remarks(comparison: Comparison) -> dict[str, str]:
    """Return the remarks by their topic, see the table `change_remarks`."""
    pair = comparison.pair
    found = {
        "images": _images(pair),
        "labels": _labels(pair),
        "classes": _classes(comparison),
        "feature_model": _feature_model(pair),
        "settings": _settings(pair),
        "evidence": _evidence(pair),
        "features": _features(comparison),
        "groups": _groups(pair),
    }
    return {topic: text for topic, text in found.items() if text}


def _images(pair: Pair) -> str:
    n, n_old, n_new = pair.matching.n_matched, pair.old.n_images, pair.new.n_images
    if n == n_old == n_new:
        return ""
    if not n:
        return (
            f"{pair.old.name} and {pair.new.name} have no image in common. All images of each run are counted: a "
            "difference may be one of the images, and not of the models."
        )
    shared = (
        f"{count(n)} of the {counted(n_new, 'image')} of {pair.new.name} {'is' if n == 1 else 'are'} among the "
        f"{count(n_old)} of {pair.old.name}"
    )
    if pair.matching.is_paired:
        return f"{shared}. Only {'this is' if n == 1 else 'these are'} compared."
    return f"{shared}: too few to compare the same images. All images of each run are counted, and chance weighs more."


def _labels(pair: Pair) -> str:
    n = pair.matching.n_relabelled
    if not n or not pair.matching.is_paired:
        return ""
    if n == 1:
        return "1 image of both runs has another label now, and is not compared."
    return f"{count(n)} images of both runs have another label now, and are not compared."


def _classes(comparison: Comparison) -> str:
    """Name the classes that only one run has, and those without images to compare."""
    pair, parts = comparison.pair, []
    for run, other in ((pair.old, pair.new), (pair.new, pair.old)):
        only = [name for name in run.class_names if name not in set(other.class_names)]
        if only:
            parts.append(f"Only {run.name} has {_listed(only)}.")
    parts += _without_images(comparison)
    return " ".join([*parts, "Other classes are compared."]) if parts else ""


def _without_images(comparison: Comparison) -> list[str]:
    """Name the classes that both runs have and that were not compared, as there is no image of them."""
    pair = comparison.pair
    shared = set(pair.old.class_names) & set(pair.new.class_names)
    lacking = [n for n, judged in comparison.classes.items() if n in shared and judged.state == "not_comparable"]
    if pair.matching.is_paired:
        return [f"None of the same images is labelled {_listed(lacking)}."] if lacking else []
    found = []
    for run in (pair.old, pair.new):
        labels = {run.class_names[label] for label in set(run.labels.tolist())}
        if names := [name for name in lacking if name not in labels]:
            found.append(f"{run.name} has no image labelled {_listed(names)}.")
    return found


def _feature_model(pair: Pair) -> str:
    old, new = pair.old.feature_model, pair.new.feature_model
    if old is not None and old == new:
        return ""
    what = (
        "The runs have other feature models"
        if None not in (old, new)
        else "It is not known whether the runs have the same feature model"
    )
    if pair.matching.is_paired:
        return f"{what}. Failure modes of both are recognised by their images, and counted by the rule of one run."
    if pair.matching.kind == "none":
        images = "few images are" if pair.matching.n_matched else "no image is"
        return f"{what}, and {images} the same: no failure mode can be compared, only classes and all images."
    return ""


def _settings(pair: Pair) -> str:
    old, new = pair.old.settings, pair.new.settings
    values = [(words, getattr(old, key), getattr(new, key)) for key, words in _SETTINGS.items()]
    parts = [f"{words} was {_value(was)} and is {_value(now)}" for words, was, now in values if was != now]
    if not parts:
        return ""
    return (
        f"The runs looked for failure modes with other settings: {', '.join(parts)}. A mode may be new or gone for it."
    )


def _value(value: object) -> str:
    return "not set" if value is None else str(value)


def _evidence(pair: Pair) -> str:
    old, new = pair.old.settings, pair.new.settings
    if old.evidence_kind != new.evidence_kind:
        return (
            f"{pair.old.name} {_EVIDENCE[old.evidence_kind]}, {pair.new.name} {_EVIDENCE[new.evidence_kind]}. "
            "Each failure mode is compared by the evidence of the run that found it."
        )
    if old.evidence_kind == "in_sample":
        return "Neither run has tested its rules, so no failure mode is verified and none is compared."
    if old.evidence_kind == "held_out" and old.held_out_fraction != new.held_out_fraction:
        return (
            f"{pair.old.name} held out {old.held_out_fraction} of its images, {pair.new.name} {new.held_out_fraction}. "
            "A rule is counted on images that its own run held out."
        )
    return ""


def _features(comparison: Comparison) -> str:
    reasons = {mode.judged.found.reason for mode in comparison.modes if mode.judged.found.lacks_activations}
    n = sum(mode.judged.found.lacks_activations for mode in comparison.modes)
    if not n:
        return ""
    return f"{counted(n, 'failure mode')} could not be compared: {sorted(map(str, reasons))[0]}."


def _groups(pair: Pair) -> str:
    parts = []
    for run, other in ((pair.old, pair.new), (pair.new, pair.old)):
        only = sorted(set(run.tables["groups"]["grouping"]) - set(other.tables["groups"]["grouping"]))
        if only:
            parts.append(f"Only {run.name} looked at groups by {_listed([_grouping(name) for name in only])}.")
    return " ".join(parts)


def _grouping(name: str) -> str:
    return name.removeprefix(COLUMN_GROUPING) if name.startswith(COLUMN_GROUPING) else name.replace("_", " ")


def _listed(names: list[str]) -> str:
    more = f" and {count(len(names) - _N_NAMED)} more" if len(names) > _N_NAMED else ""
    return f"{', '.join(names[:_N_NAMED])}{more}"
