"""What a run was made with, as lines of a list: models, settings, and what was assumed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from barlow_report.formatting import count, counted, duplicates_words
from barlow_report.report.pages.page import Site
from barlow_report.visible import visible

__all__ = [
    "NOT_SET",
    "Fact",
    "Threshold",
    "assumptions",
    "evaluated_classes",
    "last_part",
    "run_facts",
    "settings_rows",
    "some_attacked",
    "threshold",
]

NOT_SET = "not set"
"""What is said of a setting without a value."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the run's identity."""

    name: str
    value: str
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which probability on an image is taken for the positive class, by a model whose output decides by itself.

    Attributes:
        value: The probability, in words.
        positive: Name of the class.
        negative: Name of the other one.
        is_one_of_several: The model has further outputs, for other questions.
        measure: What the threshold maximises, in words; None where it was given.
        reached: The measure's value, in words.
        n_images: Images that it was chosen on.
    """

    value: str
    positive: str
    negative: str
    is_one_of_several: bool
    measure: str | None = None
    reached: str = ""
    n_images: int = 0


_MEASURES = {"balanced_accuracy": "balanced accuracy", "f1": "F1"}


def threshold(site: Site) -> Threshold | None:
    """The threshold of the inspected model's output; None where the largest output decides."""
    outputs = site.info.get("outputs")
    noted = outputs.get("positive") if isinstance(outputs, Mapping) else None
    if not isinstance(noted, Mapping):
        return None
    classes, class_id = site.catalog.classes, int(noted["class_id"])
    models = site.info.get("models")
    inspected = models.get("inspected") if isinstance(models, Mapping) else None
    found = Threshold(
        value=f"{noted['threshold']:.6g}",
        positive=classes[class_id].name,
        negative=classes[1 - class_id].name,
        is_one_of_several=isinstance(inspected, Mapping) and inspected.get("n_outputs") != 1,
    )
    if noted.get("maximises") not in _MEASURES:
        return found
    return replace(
        found, measure=_MEASURES[noted["maximises"]], reached=f"{noted['value']:.3f}", n_images=noted["n_images"]
    )


def run_facts(site: Site) -> Iterator[Fact]:
    """The run's identity: its models, images, seed and versions."""
    info = site.info
    yield Fact("Run", str(info["name"]))
    yield Fact("Run id", str(info["run_id"]), True)
    yield Fact("Made", str(info["created_at"]))
    models = info.get("models")
    models = models if isinstance(models, Mapping) else {}
    inspected, feature = models.get("inspected"), models.get("feature")
    if isinstance(inspected, Mapping):
        yield from _model_facts("Inspected model", inspected)
    else:
        yield Fact("Inspected model", "none: the predictions came with the images")
    if (found := threshold(site)) is not None:
        best = "" if found.measure is None else f": the largest {found.measure}, on {counted(found.n_images, 'image')}"
        yield Fact("Threshold", visible(f"probability of {found.positive} ≥ {found.value}{best}"))
    if isinstance(feature, Mapping):
        if feature.get("is_inspected"):
            yield Fact("Feature model", "the inspected model itself")
        elif feature.get("is_file"):
            yield from _model_facts("File of features", feature)
        else:
            yield from _model_facts("Feature model", feature)
        if isinstance(feature.get("n_features"), int):
            yield Fact("Features of the model", count(feature["n_features"]))
    catalog = site.catalog
    divided = f": {catalog.evidence.divide(catalog.n_fit, catalog.n_held_out)}" if site.has_features else ""
    here = "" if site.has_images else " by name alone"
    yield Fact("Images", f"{count(len(catalog.images))}{here}{divided}")
    if site.has_features:
        yield Fact("Features in rules", count(len(catalog.feature_ids)))
    duplicates = info.get("duplicates")
    if isinstance(duplicates, Mapping) and (words := duplicates_words(duplicates)):
        yield Fact("Of the images", words)
    yield Fact("Device", str(info.get("device", "not recorded")))
    config = info["config"]
    if isinstance(config, Mapping):
        yield Fact("Seed", str(config["seed"]))
    versions = info.get("versions")
    if isinstance(versions, Mapping):
        yield Fact("Versions", ", ".join(f"{name} {version}" for name, version in versions.items()))


def _model_facts(name: str, model: Mapping[str, object]) -> Iterator[Fact]:
    yield Fact(name, last_part(str(model.get("name", "not recorded"))))
    if model.get("sha256"):
        yield Fact(f"{name}, SHA-256", str(model["sha256"]), True)


def evaluated_classes(info: Mapping[str, object]) -> str:
    """Which classes are evaluated, and whether predictions are restricted to them; empty where all are."""
    return _assumed(info, "extract", "classes_evaluated")


def some_attacked(info: Mapping[str, object]) -> str:
    """Which images have a feature attack, and why not all; empty where all have one, or none."""
    return _assumed(info, "visualize", "n_attacked")


def _assumed(info: Mapping[str, object], stage: str, key: str) -> str:
    noted = info.get("assumptions")
    of_stage = noted.get(stage) if isinstance(noted, Mapping) else None
    return visible(str(of_stage.get(key, ""))) if isinstance(of_stage, Mapping) else ""


def assumptions(info: Mapping[str, object]) -> tuple[str, ...]:
    """What the stages took for granted, a sentence each; see `Run.assume`."""
    noted = info.get("assumptions")
    if not isinstance(noted, Mapping):
        return ()
    return tuple(visible(text) for sentences in noted.values() for text in sentences.values())


def settings_rows(info: Mapping[str, object]) -> Iterator[Fact]:
    """The configuration as lines `section.key: value`; of paths only their last part is shown."""
    config = info.get("config")
    if not isinstance(config, Mapping):
        return
    yield from _flatten("", {key: value for key, value in config.items() if key != "site"})


def _flatten(prefix: str, values: Mapping[str, object]) -> Iterator[Fact]:
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            yield from _flatten(f"{name}.", value)
        elif name in ("data.classes", "data.classes_evaluated") and isinstance(value, list):
            yield Fact(name, f"{len(value)} names")
        else:
            yield Fact(visible(name), visible(_setting(value, may_be_path=not name.startswith("rules."))))


def _setting(value: object, *, may_be_path: bool) -> str:
    if value is None or value == {}:
        return NOT_SET
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_setting(item, may_be_path=may_be_path) for item in value) or "none"
    return last_part(value) if isinstance(value, str) and may_be_path else str(value)


def last_part(text: str) -> str:
    """Drop the folders of a path: where somebody keeps their files is nobody else's business."""
    return text.replace("\\", "/").rstrip("/").rpartition("/")[2] or text
