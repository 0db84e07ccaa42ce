"""A run for each output of a multi-label model, from one pass over the images, and a page in front of their reports.

For one output the question is binary: is an image positive for it? So each output gets a whole run of two classes,
*negative for c* and *positive for c*, in a folder of its own below that of all. What is shared is what takes time: the
models see every image once.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from barlow_report.binary_measures import measure
from barlow_report.config import Config, Photographs, RulesConfig
from barlow_report.engine import using
from barlow_report.errors import ConfigError, DataError, OutputError
from barlow_report.files import atomic_write, digest_text
from barlow_report.formatting import counted
from barlow_report.pipeline import compute, default_site_folder
from barlow_report.progress import Progress
from barlow_report.report import Profile
from barlow_report.report.datatable import Link
from barlow_report.report.folder import replaced_folder
from barlow_report.report.outputs_page import OutputEntry, OutputsIndex, outputs_page
from barlow_report.run_folder import STAGES, Run, is_of_each_output, prepare_outputs, read_outputs
from barlow_report.slugs import slugs
from barlow_report.stages.copies import with_copies
from barlow_report.stages.needs import require_inputs
from barlow_report.stages.shared_pass import SharedPass
from barlow_report.stages.site import write_site
from barlow_report.storage import local_file
from barlow_report.vision.class_names import some
from barlow_report.vision.output_labels import OutputLabels, read_output_labels

__all__ = ["build_each", "compute_each"]

_SHARED = "run.pass"
_ABOVE = Link("All outputs", "../index.html")
_MEASURES = {"balanced_accuracy": "balanced accuracy", "f1": "F1"}


def compute_each(config: Config, *, folder: Path, until: str, progress: Progress) -> Path:
    """Run the stages up to and including `until` for each output; return `folder`.

    Args:
        config: The configuration of all outputs.
        folder: Gets a run folder for each output.
        until: A stage, or the key of a lens.
        progress: Where to report to.

    Raises:
        BarlowReportError: Something the user can act on; what was finished is kept, and the same call goes on.
    """
    require_inputs(config, until=until)
    labels = read_output_labels(config.data)
    outputs = _outputs(labels)
    reported = [output for output in outputs if output["left_out"] is None]
    if not reported:
        raise DataError(
            f"{config.data.manifest}: no output has both positive and negative images; the first, "
            f"{outputs[0]['name']!r}: {outputs[0]['left_out']}. Correct the labels."
        )
    _check_thresholds(config, labels.names)
    prepare_outputs(folder, {"name": config.name, "title": config.site.title or config.name, "outputs": outputs})
    shared = SharedPass(with_copies(config), labels.all_images(), folder / _SHARED)
    configs = [_of_output(config, output) for output in reported]
    with using(config.engine, device=config.device, progress=progress):
        for stage in dict.fromkeys((STAGES[0], until)):  # features of all first: then the pass is not needed any more
            for position, (one, output) in enumerate(zip(configs, reported, strict=True)):
                progress.message(f"Output {output['name']} ({position + 1} of {len(reported)})")
                compute(one, folder=folder / output["slug"], until=stage, progress=progress, shared=shared)
            shared.delete()
    return folder


def _check_thresholds(config: Config, names: Sequence[str]) -> None:
    """Refuse thresholds for each output that leave one out, or name something else, before the pass."""
    threshold = None if config.inspected_model is None else config.inspected_model.threshold
    if isinstance(threshold, dict) and set(threshold) != set(names):
        raise ConfigError(
            f"inspected_model.threshold: found {some(threshold)}, expected every output: {some(names)}. Correct them."
        )


def _outputs(labels: OutputLabels) -> list[dict[str, Any]]:
    """What is known of each output before the pass."""
    found = []
    for name, slug, values in zip(labels.names, slugs(labels.names), labels.labels.T, strict=True):
        n_positive, n_negative = int((values == 1).sum()), int((values == 0).sum())
        reason = None if n_positive and n_negative else _reason(n_positive, n_negative)
        found.append(
            {"name": name, "slug": slug, "n_positive": n_positive, "n_negative": n_negative, "left_out": reason}
        )
    return found


def _reason(n_positive: int, n_negative: int) -> str:
    if not n_positive and not n_negative:
        return "no image has a label for it"
    which, n = ("positive", n_negative) if not n_positive else ("negative", n_positive)
    return f"none of the {counted(n, 'image')} with a label is {which}"


def _of_output(config: Config, output: dict[str, Any]) -> Config:
    """The configuration of the run on one output; an earlier run of all outputs becomes that of this one."""
    title = f"{config.site.title or config.name}: {output['name']}"
    changed: dict[str, Any] = {
        "name": f"{config.name}-{output['slug']}",
        "data": config.data.model_copy(update={"label_column": output["name"]}),
        "site": config.site.model_copy(update={"title": title}),
    }
    if (changes := config.section("changes")) is not None:
        named = {key: getattr(changes, key) for key in ("baseline", "repaired_from")}
        earlier = {
            key: path / output["slug"] for key, path in named.items() if path and is_of_each_output(local_file(path))
        }
        changed["changes"] = changes.model_copy(update=earlier)
    return config.model_copy(update=changed)


def build_each(
    folder: Path, *, site: Path | None, profile: Profile, images: Photographs | None, progress: Progress
) -> Path:
    """Build the site of each output and the page in front of them, and return that page.

    Args:
        folder: As `compute_each` left it.
        site: Where the site goes; default: site/<name>.
        profile: standalone; for another one, the site of each output is built by itself.
        images: How much of the photographs to show; default: what the configuration said.
        progress: Where to report to.

    Raises:
        OutputError: Another profile is asked for, or the site cannot be written.
        RunFolderError: A run is missing or not complete.
    """
    content = read_outputs(folder)
    reported = [output for output in content["outputs"] if output["left_out"] is None]
    if profile != "standalone":
        first = folder / reported[0]["slug"]
        raise OutputError(
            f"{folder}: holds a run for each output, and '--profile {profile}' is for one run. Give the folder of one: "
            f"barlow-report site {first} --profile {profile}"
        )
    site = site or default_site_folder(str(content["name"]))
    runs = [Run.open(folder / output["slug"]) for output in reported]
    for run in runs:
        run.require(STAGES[-1])
    run_id = digest_text("\n".join(str(run.info["run_id"]) for run in runs))[:16]
    with replaced_folder(site, run_id=run_id) as building:
        entries = []
        for run, output in zip(runs, reported, strict=True):
            progress.message(f"Output {output['name']}")
            with run.locked(builds_site=True):
                write_site(run, site=building / output["slug"], images=images, above=_ABOVE, progress=progress)
            entries.append(_entry(run, output))
        page = outputs_page(_index(content, entries, runs[0]))
        atomic_write(building / "index.html", page)
    return site / "index.html"


def _index(content: dict[str, Any], entries: list[OutputEntry], run: Run) -> OutputsIndex:
    rules = RulesConfig.model_validate(run.info["config"]["rules"])
    return OutputsIndex(
        title=str(content["title"]),
        entries=tuple(entries),
        left_out=tuple((o["name"], o["left_out"]) for o in content["outputs"] if o["left_out"] is not None),
        level=rules.confidence_level,
        max_q_value=rules.max_q_value,
        is_held_out=rules.evidence_kind == "held_out",
    )


def _entry(run: Run, output: dict[str, Any]) -> OutputEntry:
    """What the page says of one output; measures are of held-out images where rules were tested on such."""
    rules = RulesConfig.model_validate(run.info["config"]["rules"])
    images, scores = run.read_table("images"), run.read_table("scores")
    used = np.ones(len(images), dtype=np.bool_)
    if rules.evidence_kind == "held_out":
        used = np.asarray(run.read_table("splits")["split"] == "held_out", dtype=np.bool_)
    is_positive = (images["label"] == 1).to_numpy(dtype=np.bool_)
    is_predicted = (images["prediction"] == 1).to_numpy(dtype=np.bool_)
    return OutputEntry(
        name=str(output["name"]),
        path=f"{output['slug']}/index.html",
        n_images=len(images),
        n_positive=int(is_positive.sum()),
        measures=measure(
            is_positive[used],
            is_predicted[used],
            scores["output"].to_numpy(dtype=np.float64)[used],
            level=rules.confidence_level,
        ),
        maximises=_MEASURES.get(run.info["outputs"]["positive"]["maximises"]),
        n_verified=int((run.read_table("rules")["verdict"] == "verified").sum()),
        threshold=float(run.info["outputs"]["positive"]["threshold"]),
    )
