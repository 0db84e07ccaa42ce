"""What a run would do, in seconds and before anything is written: `barlow-report check`.

What the run would refuse is refused, and the rest is told: which images and groups there are, what the models are, how
long each part takes, and how much disk.

Images of a pool and of training are listed as well.

Times are measured on some of the run's images and multiplied (`forecast_pass`, `forecast_rules`, `forecast_pictures`,
and `Lens.estimate` of each lens). What depends on what is found is multiplied by what is expected (`expected`), and
says so. It is the time of a new run: what a run folder has is skipped.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from barlow_report.config import Config, PreprocessingConfig
from barlow_report.config.further import FurtherDataConfig
from barlow_report.errors import DataError
from barlow_report.estimates import Estimate
from barlow_report.formatting import count, counted
from barlow_report.lenses import registry
from barlow_report.progress import Progress
from barlow_report.stages.copies import with_copies_of_models
from barlow_report.stages.expected import ExpectedModes, expected_modes, known_modes
from barlow_report.stages.extract import list_for_pass
from barlow_report.stages.forecast_parts import Part, Total
from barlow_report.stages.forecast_pictures import estimate_pictures
from barlow_report.stages.forecast_site import estimate_site
from barlow_report.stages.forecast_stages import BYTES_OF_A_NUMBER, estimate_rules, given_part, pass_part
from barlow_report.stages.forecast_words import folder_part, group_part, image_parts, predictions_words
from barlow_report.stages.given import given_features
from barlow_report.stages.measuring import timed
from barlow_report.stages.needs import require_inputs
from barlow_report.stages.prospect import Prospect, Sample, measure_picture
from barlow_report.stages.unions import rules_with_unions
from barlow_report.storage.sections import with_local_files
from barlow_report.vision.datasets import ImageList
from barlow_report.vision.further_images import list_further
from barlow_report.vision.output_labels import read_output_labels

if TYPE_CHECKING:
    from barlow_report.vision.models import LoadedModel

__all__ = ["Forecast", "forecast", "names_addresses"]

_NOT_SAID = Estimate(words="it does not say before what it takes", seconds=None)
_AT_ADDRESSES = Estimate(words="its files are at addresses and are fetched by the run", seconds=None)


@dataclass(kw_only=True, eq=False)
class Forecast:
    """What a run would do.

    Attributes:
        config: The configuration.
        folder: The run folder, which need not be there; nothing is written.
        progress: Where to report to.
        total: What the parts take that were told so far.
    """

    config: Config
    folder: Path
    progress: Progress
    total: Total = field(default_factory=Total)

    def parts(self) -> Iterator[Part]:
        """Yield the parts of a run, each as soon as it is known, then all together and the run folder.

        Raises:
            BarlowReportError: What the run would raise before and at the beginning of its pass.
        """
        for part in self._parts():
            yield self.total.add(part)
        yield self.total.part
        yield folder_part(self.folder)

    def _parts(self) -> Iterator[Part]:
        config = self.config.of_its_output()
        require_inputs(config)
        config = with_copies_of_models(config)
        found: list[ImageList] = []
        listing = timed(lambda: found.append(list_for_pass(config, progress=self.progress)))
        (images,) = found
        yield from image_parts(images, seconds=listing)
        one, n_outputs = _one_output(config, images)
        if not config.data.asks_models:
            prospect = self._given(config, one)
            yield given_part(config, prospect)
            words = "none, so no failure modes; data.features gives them"
            if prospect.n_features:
                words = f"{counted(prospect.n_features, 'feature')} of {config.data.features}"
            figures = {"n_features": prospect.n_features}
            yield Part(key="features", title="Features", words=words, figures=figures)
        else:
            prospect = yield from self._passed(config, images, one)
        yield group_part(config, images, prospect.expected, n_outputs)
        yield from self._after_pass(config, prospect, n_outputs)

    def _given(self, config: Config, images: ImageList) -> Prospect:
        """What is known of a run that asks no model."""
        features = given_features(config.data, n_images=len(images.paths))
        n_features = 0 if features is None else features.shape[1]
        ids = np.unique(np.linspace(0, len(images.paths) - 1, 512).astype(np.int64))
        known = None if images.predictions is None else images.predictions[ids]
        rows = np.zeros((len(ids), 0)) if features is None else np.asarray(features[ids], dtype=np.float32)
        sample = Sample(image_ids=ids, features=rows, predictions=known)
        return Prospect(
            images=images,
            expected=self._expected(config, images, sample),
            sample=sample if n_features else None,
            n_features=n_features,
            picture=measure_picture(config, images, PreprocessingConfig()) if config.data.has_images else None,
        )

    def _passed(self, config: Config, images: ImageList, one: ImageList) -> Generator[Part, None, Prospect]:
        """What the models are, and what the pass takes; return what is known then."""
        from barlow_report.stages.pass_work import load_models

        self.progress.message("Loading models")
        found: list[Any] = []
        loading = timed(lambda: found.append(load_models(config, images)))
        ((inspected, feature, noted),) = found
        names = {role: info["name"] for role, info in noted["models"].items() if info is not None}
        inspected_words = predictions_words(inspected, images, name=names.get("inspected", ""))
        yield Part(key="inspected_model", title="Inspected", words=inspected_words)
        maps = "with heatmaps" if feature.has_maps else "without heatmaps: it has no feature map"
        words = f"{counted(feature.n_features, 'feature')} of {names['feature']}, {maps}"
        yield Part(key="feature_model", title="Features", words=words, figures={"n_features": feature.n_features})
        prospect, each = self._measure(config, images, one, inspected, feature)
        yield pass_part(config, images, feature, each=each, loading=loading, device=noted["device"])
        yield from self._further(config, images, feature, prospect)
        for key, text in noted["assumptions"].items():
            yield Part(key=f"assumed_{key}", title="Assumed", words=text)
        return prospect

    def _measure(
        self,
        config: Config,
        images: ImageList,
        one: ImageList,
        inspected: "LoadedModel | None",
        feature: "LoadedModel",
    ) -> tuple[Prospect, float]:
        from barlow_report.stages.forecast_pass import decision_before, measure_pass, of_output

        self.progress.message("Timing the pass")
        sample, each = measure_pass(config, images, inspected, feature)
        if one is not images:
            sample = of_output(sample, images, one)
        prospect = Prospect(
            images=one,
            expected=self._expected(config, one, sample),
            sample=sample,
            n_features=feature.n_features,
            seconds_each=each,
            inspected=inspected,
            feature=feature,
            decision=None if inspected is None else decision_before(config, one, inspected),
            picture=measure_picture(config, images, feature.preprocessing),
        )
        return prospect, each

    def _expected(self, config: Config, images: ImageList, sample: Sample) -> ExpectedModes:
        known = None if self.config.data.is_of_all_outputs else known_modes(self.folder, config, images)
        if known is not None:
            return known
        rules = rules_with_unions(config, images.class_names)
        values = [len({v for v in images.attributes.get(name, ()) if v is not None}) for name in rules.manifest_columns]
        n_pairs = min(rules.confused_pairs, len(images.class_names) * (len(images.class_names) - 1))
        return expected_modes(
            rules,
            images.labels,
            n_classes=len(images.class_names),
            sampled=sample.image_ids,
            predictions=sample.predictions,
            n_further_groups=n_pairs + len(rules.unions) * len(rules.groupings) + sum(values),
        )

    def _after_pass(self, config: Config, prospect: Prospect, n_outputs: int) -> Iterator[Part]:
        """The rules, the pictures, the lenses and the site; of several outputs each makes a run."""
        self.progress.message("Timing the search for rules")
        yield Part.of("rules", _for_each(estimate_rules(config, prospect), n_outputs))
        self.progress.message("Timing the pictures")
        pictures = estimate_pictures(config, prospect)
        yield Part.of("pictures", _for_each(pictures, n_outputs))
        n_pictures = pictures.n_pictures
        for lens in registry.LENSES:
            if lens.section() is not None and config.section(lens.key) is None:
                continue
            self.progress.message(f"Timing {lens.key}")
            estimate = _AT_ADDRESSES if names_addresses(config, lens.key) else lens.estimate(config, prospect)
            if estimate is None and lens.section() is not None:
                estimate = _NOT_SAID
            if estimate is not None:
                n_pictures += estimate.n_pictures
                yield Part.of(lens.key, _for_each(estimate, n_outputs), title=_title(config, lens.key))
        site = estimate_site(config, prospect, n_pictures=n_pictures)
        yield Part.of("site", _for_each(site, n_outputs))
        if config.engine.kind != "local":
            words = "times are those of this machine alone; workers share the work"
            yield Part(key="assumed_engine", title="Assumed", words=words)

    def _further(self, config: Config, images: ImageList, feature: "LoadedModel", prospect: Prospect) -> Iterator[Part]:
        """The sources of images beside the analysed ones; of several outputs each makes a pass."""
        is_of_all = config.data.is_of_all_outputs
        for lens in registry.LENSES:
            settings = config.section(lens.key) if lens.section() is not None else None
            if not isinstance(settings, FurtherDataConfig):
                continue
            self.progress.message(f"Listing images of {lens.key}")
            asked = settings.model_copy(update={"labelled": False}) if is_of_all else settings
            listed = list_further(asked, data=config.data, class_names=images.class_names, key=lens.key)
            n = prospect.n_further[lens.key] = len(listed.paths)
            n_passes = (images.n_outputs or 1) if is_of_all else 1
            n_labelled = int((listed.labels >= 0).sum())
            words = counted(n, "image")
            words += "" if is_of_all else f", {count(n_labelled)} labelled as a class of the run"
            words += f"; {counted(len(listed.skipped), 'file')} passed over" if listed.skipped else ""
            words += f"; a pass for each of {counted(n_passes, 'output')}" if is_of_all else ""
            estimate = Estimate(
                words=words,
                seconds=n * n_passes * prospect.seconds_each,
                n_bytes=n * feature.n_features * BYTES_OF_A_NUMBER[config.extraction.feature_dtype] * n_passes,
                figures={"n_images": n, "n_skipped": len(listed.skipped), "n_passes": n_passes},
            )
            yield Part.of(f"{lens.key}_pass", estimate, title=lens.key.capitalize())


def forecast(config: Config, folder: Path, *, progress: Progress) -> Iterator[Part]:
    """Yield what a run would do, part by part; see `Forecast`."""
    yield from Forecast(config=config, folder=folder, progress=progress).parts()


def _for_each(estimate: Estimate, n_outputs: int) -> Estimate:
    return estimate if n_outputs == 1 else estimate.repeated(n_outputs, what=f"for each of {n_outputs} outputs")


def names_addresses(config: Config, key: str) -> bool:
    """Whether files of a section are fetched by the run; images of a source are listed where they are."""
    section = config.section(key) if key in type(config).model_fields else None
    if section is None or isinstance(section, FurtherDataConfig):
        return False
    found: list[Path] = []

    def note(path: Path) -> Path:
        found.append(path)
        return path

    with_local_files(section, fetch=note)
    return bool(found)


def _title(config: Config, key: str) -> str:
    """What a lens is called in a forecast; of one with images of its own, what follows their pass."""
    name = key.replace("_", " ").capitalize()
    return f"{name}, after" if isinstance(config.section(key), FurtherDataConfig) else name


def _one_output(config: Config, images: ImageList) -> tuple[ImageList, int]:
    """The images of one output where there are several, one with about as many positives as most; and how many."""
    if not config.data.is_of_all_outputs:
        return images, 1
    labels = read_output_labels(config.data)
    n_positive, n_negative = ((labels.labels == value).sum(axis=0) for value in (1, 0))
    reported = np.flatnonzero((n_positive > 0) & (n_negative > 0))
    if not len(reported):
        raise DataError(f"{config.data.manifest}: no output has both positive and negative images. Correct the labels.")
    middle = reported[np.argsort(n_positive[reported], kind="stable")[len(reported) // 2]]
    one = labels.images_of(labels.names[middle])
    return replace(one, n_outputs=images.n_outputs, column=int(middle)), len(reported)
