"""What a run would do, in seconds and before anything is written: `barlow-report check`.

What the run would refuse is refused, and the rest is told: which images and groups there are, what the models are, how
long the pass and the pictures take, and how much disk.

Images of a pool and of training are listed as well.

Times are measured on some of the analysed images and multiplied; what has to be compiled or read for the first time
makes them too long rather than too short. Lenses are not timed, but for a pass over further images; see
`forecast_rest`.
"""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from barlow_report.config import Config
from barlow_report.config.further import FurtherDataConfig
from barlow_report.formatting import count, counted, duration
from barlow_report.lenses import registry
from barlow_report.progress import Progress
from barlow_report.run_folder import Run, is_of_each_output
from barlow_report.stages.attacked import attacked_words, n_attacked
from barlow_report.stages.copies import with_copies_of_models
from barlow_report.stages.extract import list_for_pass
from barlow_report.stages.forecast_rest import Total, explain_seconds, lens_lines, rules_words
from barlow_report.stages.given import given_features
from barlow_report.stages.needs import require_inputs
from barlow_report.stages.pass_work import load_models
from barlow_report.stages.unions import rules_with_unions
from barlow_report.storage import shown
from barlow_report.vision.datasets import ImageList
from barlow_report.vision.further_images import list_further
from barlow_report.vision.output_labels import read_output_labels

if TYPE_CHECKING:
    from barlow_report.vision.models import LoadedModel

__all__ = ["forecast"]

_SECONDS = 4.0
"""How long to measure, if there are enough images."""
_N_FIRST, _N_MOST = 16, 512
_BYTES = {"float32": 4, "float16": 2}
_BYTES_PER_PICTURE = 10_000


def forecast(config: Config, folder: Path, *, progress: Progress) -> Iterator[tuple[str, str]]:
    """Yield what a run would do, as a word and a sentence each.

    Args:
        config: The configuration.
        folder: The run folder, which need not be there; nothing is written.
        progress: Where to report to.

    Raises:
        BarlowReportError: What the run would raise before and at the beginning of its pass.
    """
    config = config.of_its_output()
    require_inputs(config)
    config = with_copies_of_models(config)
    images = list_for_pass(config, progress=progress)
    yield "Images", _images_words(images)
    if (evaluated := images.assumptions.get("classes_evaluated")) is not None:
        yield "Classes", evaluated
    n_groups, n_small, n_trees = _count_groups(config, images)
    small = f"; {counted(n_small, 'group')} of fewer than {config.rules.min_images} images" if n_small else ""
    yield "Groups", f"{_groups_words(config, images, n_groups)}{small}"
    total = Total()
    if config.data.asks_models:
        yield from _of_models(config, images, n_trees=n_trees, total=total, progress=progress)
    else:
        looked = "images are read to be shown" if config.data.has_images else "no image is read"
        yield "Pass", f"none: {config.data.manifest} says what was predicted, and {looked}"
        features = given_features(config.data, n_images=len(images.paths))
        if features is None:
            yield "Features", "none, so no failure modes; data.features gives them"
        else:
            yield "Features", f"{counted(features.shape[1], 'feature')} of {config.data.features}"
            yield "Rules", _rules(config, images, features.shape[1], n_trees=n_trees, total=total)
    yield from lens_lines(config, n_images=len(images.paths), total=total)
    if total.n_bytes:
        yield "Answers", f"about {_size(total.n_bytes)} of predictions of the compared models on disk"
    total.untimed.append("the site")
    yield "Altogether", total.words
    yield "Run folder", _folder_words(folder)


def _of_models(
    config: Config, images: ImageList, *, n_trees: int, total: Total, progress: Progress
) -> Iterator[tuple[str, str]]:
    """What the models are, and what the pass and the pictures take."""
    progress.message("Loading models")
    inspected, feature, noted = load_models(config, images)
    names = {role: info["name"] for role, info in noted["models"].items() if info is not None}
    yield "Inspected", _predictions_words(inspected, images, name=names.get("inspected", ""))
    maps = "with heatmaps" if feature.has_maps else "without heatmaps: it has no feature map"
    yield "Features", f"{counted(feature.n_features, 'feature')} of {names['feature']}, {maps}"
    progress.message("Timing the pass")
    rate = _images_per_second(config, images, inspected, feature)
    n, device = len(images.paths), noted["device"]
    yield "Pass", f"{counted(n, 'image')} at {rate:,.1f} a second on {device}: {duration(n / rate)}"
    total.seconds += n / rate
    progress.message("Timing the search for rules")
    yield "Rules", _rules(config, images, feature.n_features, n_trees=n_trees, total=total)
    progress.message("Timing the pictures")
    n_tiles = n_trees * config.visuals.n_images
    n_attacks = n_trees * n_attacked(config)
    yield "Pictures", _pictures_words(config, images, feature, n_attacks=n_attacks, total=total)
    size = len(images.paths) * feature.n_features * _BYTES[config.extraction.feature_dtype]
    pictures = (n_trees * config.visuals.n_mode_images + 2 * n_tiles) * _BYTES_PER_PICTURE
    embeddings = ", and embeddings, whose length their model decides" if _embeds(config) else ""
    yield (
        "Disk",
        f"{_size(size)} of features, at most about {_size(pictures)} of pictures, which the site holds once more "
        f"beside its pages{embeddings}",
    )
    for key, settings in _further(config):
        progress.message(f"Listing images of {key}")
        yield key.capitalize(), _further_words(config, settings, images, feature, key=key, rate=rate, total=total)
    for text in noted["assumptions"].values():
        yield "Assumed", text


def _further(config: Config) -> Iterator[tuple[str, FurtherDataConfig]]:
    """The sources of images beside the analysed ones, by the keys of their sections."""
    for lens in registry.LENSES:
        settings = config.section(lens.key) if lens.section() is not None else None
        if isinstance(settings, FurtherDataConfig):
            yield lens.key, settings


def _further_words(
    config: Config,
    settings: FurtherDataConfig,
    images: ImageList,
    feature: "LoadedModel",
    *,
    key: str,
    rate: float,
    total: Total,
) -> str:
    """How many there are, and what another pass takes; of several outputs each makes one."""
    is_of_all = config.data.is_of_all_outputs
    asked = settings.model_copy(update={"labelled": False}) if is_of_all else settings
    listed = list_further(asked, data=config.data, class_names=images.class_names, key=key)
    n = len(listed.paths)
    labelled = "" if is_of_all else f", {count(int((listed.labels >= 0).sum()))} labelled as a class of the run"
    skipped = f"; {counted(len(listed.skipped), 'file')} passed over" if listed.skipped else ""
    n_passes = (images.n_outputs or 1) if is_of_all else 1
    passes = f", once for each of {counted(n_passes, 'output')}" if is_of_all else ""
    size = n * feature.n_features * _BYTES[config.extraction.feature_dtype] * n_passes
    total.seconds += n * n_passes / rate
    takes = f"{duration(n * n_passes / rate)} more{passes}, and {_size(size)} of features"
    return f"{counted(n, 'image')}{labelled}{skipped}: {takes}"


def _images_words(images: ImageList) -> str:
    if images.n_outputs is not None and images.column is None:
        n, outputs = counted(len(images.paths), "image"), counted(images.n_outputs, "output")
        return f"{n} with labels for {outputs}, each a run of its own after one pass"
    sizes = Counter(images.labels.tolist())
    least = min(range(len(images.class_names)), key=lambda class_id: (sizes[class_id], class_id))
    skipped = f"; {counted(len(images.skipped), 'file')} passed over" if images.skipped else ""
    classes = counted(len(images.class_names), "class")
    return (
        f"{counted(len(images.paths), 'image')} of {classes}, fewest {images.class_names[least]} "
        f"({count(sizes[least])}){skipped}"
    )


def _groups_words(config: Config, images: ImageList, n_groups: int) -> str:
    rules = rules_with_unions(config, images.class_names)
    parts = [f"{counted(n_groups, 'group')} by {' and by '.join(rules.groupings)}"] if rules.groupings else []
    if rules.confused_pairs:
        parts.append(f"at most {counted(rules.confused_pairs, 'confused pair')}")
    if rules.unions:
        parts.append(counted(len(rules.unions) * len(rules.groupings), "union"))
    if rules.manifest_columns:
        parts.append(f"the values of {', '.join(rules.manifest_columns)}")
    return ", ".join(parts)


def _count_groups(config: Config, images: ImageList) -> tuple[int, int, int]:
    """Groups by class, those that are too small by their labels, and those that may get a tree."""
    if config.data.is_of_all_outputs:
        labels = read_output_labels(config.data)
        known = [name for name, values in zip(labels.names, labels.labels.T, strict=True) if (values >= 0).any()]
        one = config.model_copy(update={"data": config.data.model_copy(update={"label_column": known[0]})})
        found = [_count_groups(one, labels.images_of(name)) for name in known]
        return sum(n for n, _, _ in found), sum(n for _, n, _ in found), sum(n for _, _, n in found)
    by = len(config.rules.groupings)
    sizes = np.bincount(images.labels, minlength=len(images.class_names))
    n_small = int((sizes < config.rules.min_images).sum())
    return by * len(sizes), n_small * ("label" in config.rules.groupings), by * (len(sizes) - n_small)


def _predictions_words(inspected: "LoadedModel | None", images: ImageList, *, name: str) -> str:
    if inspected is None:
        return f"predictions are there, {counted(len(images.paths), 'image')}; no model is run"
    n, n_all = inspected.n_outputs, inspected.n_network_outputs
    return f"{name}, {counted(n, 'output')}" if n == n_all else f"{name}, {count(n)} of {counted(n_all, 'output')}"


def _images_per_second(
    config: Config, images: ImageList, inspected: "LoadedModel | None", feature: "LoadedModel"
) -> float:
    """Decode and run some of the images, spread over all: a few, and then as many as take some seconds."""
    from barlow_report.vision.extraction import extract_shards

    def seconds(n: int) -> float:
        chosen = np.unique(np.linspace(0, len(images.paths) - 1, n).astype(int))
        start = time.perf_counter()
        shards = [[images.paths[i] for i in chosen]]
        for _ in extract_shards(
            shards,
            source=images.source,
            feature_model=feature,
            inspected_model=inspected,
            batch_size=config.extraction.batch_size,
            n_workers=config.extraction.n_workers,
            feature_dtype=config.extraction.feature_dtype,
            keeps_values=images.n_outputs is not None,
        ):
            pass
        return (time.perf_counter() - start) / len(chosen)

    first = seconds(min(_N_FIRST, len(images.paths)))
    n = min(int(_SECONDS / first), _N_MOST, len(images.paths))
    return 1 / (seconds(n) if n > _N_FIRST else first)


def _rules(config: Config, images: ImageList, n_features: int, *, n_trees: int, total: Total) -> str:
    """Time the search for rules; of several outputs the groups depend on each output's labels."""
    if config.data.is_of_all_outputs:
        total.untimed.append("rules")
        return "not timed: each output has its own groups"
    seconds = explain_seconds(config, images.labels, n_features=n_features, n_groups=n_trees)
    total.seconds += seconds or 0.0
    return rules_words(seconds, n_groups=n_trees)


def _embeds(config: Config) -> bool:
    return any(getattr(config.section(lens.key), "clip", None) is not None for lens in registry.LENSES)


def _pictures_words(config: Config, images: ImageList, feature: "LoadedModel", *, n_attacks: int, total: Total) -> str:
    settings = config.visuals.attack
    if settings == "none":
        return "no feature attack (visuals.attack: none)"
    from barlow_report.vision.attack import FeatureAttack
    from barlow_report.vision.preprocessing import to_tensor
    from barlow_report.vision.reading import UnreadableImage

    attack = FeatureAttack(feature, settings)
    for path in images.paths[:_N_FIRST]:
        try:
            batch = to_tensor(images.source.read(path).image, feature.preprocessing)[None].repeat(4, 1, 1, 1)
        except UnreadableImage:
            continue
        start = time.perf_counter()
        attack.run(batch, np.arange(4) % feature.n_features)
        each = (time.perf_counter() - start) / 4
        total.seconds += each * n_attacks
        words = attacked_words(config)
        some = "" if words is None else f". {words.removesuffix('.')}"
        return (
            f"{each:.2g} s for a feature attack; if every group has a failure mode, {count(n_attacks)} of them: "
            f"{duration(each * n_attacks)}. visuals.attack: none leaves them out{some}"
        )
    return "none of the first images can be read"


def _size(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:,.1f} GB" if n_bytes >= 1e9 else f"{max(n_bytes / 1e6, 0.1):,.1f} MB"


def _folder_words(folder: Path) -> str:
    name = shown(folder)
    if not folder.is_dir() or not any(folder.iterdir()):
        return f"{name}: new"
    if is_of_each_output(folder):
        return f"{name}: holds runs of outputs; what is still up to date is skipped"
    run = Run.open(folder)
    finished = [stage for stage in run.info["stages"] if run.is_finished(stage)]
    return f"{name}: {', '.join(finished) or 'nothing'} finished; what is still up to date is skipped"
