"""Start reading here: what happens when somebody asks for a report.

    config -> extract -> explain -> visualize -> site

Each stage reads the run folder, calls the core packages, which turn values into values, and writes the run
folder. A stage whose inputs have not changed is skipped, one that was interrupted goes on where it stopped.
"""

import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from barlow_report.clock import now
from barlow_report.config import Config, Photographs
from barlow_report.demo.releases import RELEASES
from barlow_report.engine import using
from barlow_report.errors import ConfigError
from barlow_report.files import atomic_write
from barlow_report.formatting import counted
from barlow_report.lenses import registry
from barlow_report.lenses.planted.stage import write_planted
from barlow_report.progress import Progress, SilentProgress
from barlow_report.report import Profile, navigation_lines, zip_site
from barlow_report.run_folder import STAGES, Run, is_of_each_output, read_outputs
from barlow_report.stages.copies import with_copies
from barlow_report.stages.damage import redo_damaged
from barlow_report.stages.demo import demo_config, draw, draw_for_training
from barlow_report.stages.explain import explain
from barlow_report.stages.extract import extract
from barlow_report.stages.needs import require_inputs
from barlow_report.stages.shared_pass import SharedPass
from barlow_report.stages.site import site_title, write_site
from barlow_report.stages.visualize import visualize
from barlow_report.storage import is_address, plain_path, shown
from barlow_report.storage.commands import on_this_machine
from barlow_report.storage.sections import with_local_files
from barlow_report.training_config import TrainingConfig

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "build_site",
    "compute",
    "compute_demo",
    "compute_folder",
    "convert_checkpoint",
    "default_run_folder",
    "default_site_folder",
    "draw_for_training",
    "host_navigation",
    "pack_site",
    "run",
    "run_demo",
    "site_folder",
    "train",
]

# Which sections of the configuration a stage's results depend on. They are noted when the stage has finished, so
# that pages never show settings that their numbers were not computed with.
_SECTIONS = {
    "extract": ("name", "device", "data", "inspected_model", "feature_model", "extraction"),
    "explain": ("seed", "rules"),
    "visualize": ("visuals", "site"),
}
_REPORTED_PACKAGES = ("torch", "torchvision", "scikit-learn", "numpy", "pandas", "pillow", "mkdocs-material")


def run(
    config: Config,
    *,
    folder: Path | str | None = None,
    site: Path | str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Do everything: compute what is missing in the run folder, and build the site.

    Args:
        config: The configuration, see `load_config`.
        folder: The run folder; default: runs/<name>.
        site: Where the site goes; default: site/<name>.
        progress: Where to report to; default: nowhere.

    Returns:
        The site's index.html; of a site at an address, its address as a path.

    Raises:
        BarlowReportError: Something the user can act on; what was finished is kept, and the same call goes on.
    """
    places = {"run": Path(folder) if folder else default_run_folder(config), "site": Path(site) if site else None}
    with on_this_machine(places) as local:
        compute_folder(config, folder=local["run"], progress=progress)
        index = build_site(local["run"], site=local["site"] or default_site_folder(config.name), progress=progress)
        return _as_asked(index, site)


def _as_asked(index: Path, site: Path | str | None) -> Path:
    """The front page of a site: at the address where somebody wanted it, else as it is."""
    return Path(shown(index)) if site and is_address(site) else index


def compute(
    config: Config,
    *,
    folder: Path,
    until: str = "visualize",
    progress: Progress | None = None,
    shared: SharedPass | None = None,
) -> Run:
    """Run the stages up to and including `until` and return the run folder; see `run`.

    Args:
        config: The configuration; of a multi-label model with the one output that the run is about.
        folder: The run folder.
        until: A stage, or the key of a lens.
        progress: Where to report to.
        shared: The pass over the images of several outputs; default: a pass of its own.
    """
    progress = progress or SilentProgress()
    if config.data.is_of_all_outputs:
        raise ConfigError("data.label_column: missing. Name one output here, or compute all with `compute_folder`.")
    config = config.of_its_output()
    require_inputs(config, until=until)
    settings = config.model_dump(mode="json")
    config = with_copies(config)
    folder = plain_path(folder)
    run_folder = Run(folder)
    run_folder.refuse_foreign_files()
    with run_folder.locked(), using(config.engine, device=config.device, progress=progress):
        Run.create(folder, info=_info(config))
        redo_damaged(run_folder, progress=progress)
        n_stages = STAGES.index(until) + 1 if until in STAGES else STAGES.index("explain") + 1
        extracted = extract(config, run_folder, progress=progress, shared=shared)
        run_folder.record_config({key: settings[key] for key in _SECTIONS["extract"]})
        if n_stages > 1:
            explained = explain(config, run_folder, extracted=extracted, progress=progress)
            run_folder.identify(explained, created_at=now().isoformat())
            run_folder.record_config({key: settings[key] for key in _SECTIONS["explain"]})
        if n_stages > 2:
            visualize(config, run_folder, explained=explained, progress=progress)
            run_folder.record_config({key: settings[key] for key in _SECTIONS["visualize"]})
        if n_stages > 1:
            _compute_lenses(config, settings, run_folder, until=until, explained=explained, progress=progress)
    return run_folder


def compute_folder(config: Config, *, folder: Path, until: str = "visualize", progress: Progress | None = None) -> Path:
    """Run the stages up to and including `until`, of each output where there are several, and return `folder`."""
    if config.data.is_of_all_outputs:
        from barlow_report.each_output import compute_each

        return compute_each(config, folder=folder, until=until, progress=progress or SilentProgress())
    return compute(config, folder=folder, until=until, progress=progress).folder


def _compute_lenses(
    config: Config, settings: Mapping[str, Any], run_folder: Run, *, until: str, explained: str, progress: Progress
) -> None:
    """Compute the lens `until`, or after the last stage all that are asked for; those that follow come last.

    `settings` is the configuration as it was given, with addresses where `config` has copies.
    """
    for lens in registry.LENSES:
        is_asked = config.section(lens.key) is not None
        if lens.section() is None:
            lens.compute(config, run_folder, explained=explained, progress=progress)
        elif lens.key == until or (is_asked and until == STAGES[-1]):
            lens.compute(config, run_folder, explained=explained, progress=progress)
            run_folder.record_config({lens.key: settings[lens.key]})
        elif until == STAGES[-1] and not run_folder.is_kept(lens):
            run_folder.drop(lens)


def build_site(
    folder: Path | str,
    *,
    site: Path | str | None = None,
    profile: Profile = "standalone",
    images: Photographs | None = None,
    progress: Progress | None = None,
) -> Path:
    """Build the site from a run folder; neither the images nor the models are needed.

    Args:
        folder: The run folder.
        site: Where the site goes; default: site/<name>. For a host, a folder of its documents; for one file, its name,
            default: site/<name>.html.
        profile: A site of its own, pages for somebody's MkDocs site or TechDocs, or one file.
        images: How much of the photographs to show; default: what the configuration said.
        progress: Where to report to; default: nowhere.

    Returns:
        The front page: index.html, index.md for a host, or the one file; of a site at an address, its address as a
        path.

    Raises:
        RunFolderError: The run is missing or not complete.
        OutputError: The site cannot be written, or its folder holds something else.
    """
    with on_this_machine({"run": Path(folder), "site": Path(site) if site else None}) as local:
        index = _build(local["run"], local["site"], profile=profile, images=images, progress=progress)
        return _as_asked(index, site)


def _build(
    folder: Path, site: Path | None, *, profile: Profile, images: Photographs | None, progress: Progress | None
) -> Path:
    if is_of_each_output(folder):
        from barlow_report.each_output import build_each

        return build_each(folder, site=site, profile=profile, images=images, progress=progress or SilentProgress())
    run_folder = Run.open(folder)
    run_folder.require(STAGES[-1])
    default = site_folder(folder)
    site = site or (default.with_name(f"{default.name}.html") if profile == "single" else default)
    with run_folder.locked(builds_site=True):
        return write_site(run_folder, site=site, profile=profile, images=images, progress=progress or SilentProgress())


def pack_site(folder: Path, *, index: Path) -> Path:
    """Pack the site with front page `index`, built from the run in `folder`, as one zip file; return its path."""
    title = str(read_outputs(folder)["title"]) if is_of_each_output(folder) else site_title(Run.open(folder))
    return zip_site(index.parent, title=title)


def host_navigation(folder: Path, *, into: Path) -> str:
    """Return the lines for a host's mkdocs.yml that lead to the pages of the run in `folder`, written to `into`."""
    return navigation_lines(into, title=site_title(Run.open(folder)))


def run_demo(
    *, release: int = 1, folder: Path | None = None, site: Path | None = None, progress: Progress | None = None
) -> Path:
    """Draw the demo's images beside its run folder, analyse them, and build the site; see `run` and `compute_demo`.

    Args:
        release: Which of the demo's inspected models.
        folder: The run folder.
        site: Where the site goes; default: site/<name>.
        progress: Where to report to; default: nowhere.

    Returns:
        The site's index.html.
    """
    done = compute_demo(release=release, folder=folder, progress=progress)
    return build_site(done.folder, site=site, progress=progress)


def compute_demo(*, release: int = 1, folder: Path | None = None, progress: Progress | None = None) -> Run:
    """Draw the demo's images beside its run folder, analyse them, and return the run; see `run`.

    Args:
        release: Which of the demo's inspected models, see `demo.releases`. The second is asked about the same images,
            and compared with the first, which is explained before if it was not yet.
        folder: The run folder; default: runs/demo, or runs/demo-2. The images are beside it, in a folder of the same
            name, without -2, and -images; the run of the first release likewise, without -2 or with -1.
        progress: Where to report to; default: nowhere.
    """
    progress = progress or SilentProgress()
    asked = RELEASES[release - 1]
    folder = plain_path(folder or Path("runs") / asked.name)
    stem = folder.name if asked is RELEASES[0] else folder.name.removesuffix(f"-{release}")
    images = folder.with_name(f"{stem}-images")
    draw(images, progress=progress)
    config = demo_config(images)
    if asked is not RELEASES[0]:
        earlier = folder.with_name(stem if stem != folder.name else f"{stem}-1")
        compute(config, folder=earlier, until="explain", progress=progress)
        config = demo_config(images, release=asked, baseline=earlier)
    run_folder = compute(config, folder=folder, progress=progress)
    with run_folder.locked():
        write_planted(config, run_folder, images=images, release=asked, progress=progress)
    return run_folder


def train(config: TrainingConfig, *, folder: Path | None = None, progress: Progress | None = None) -> Path:
    """Train a feature model and return its file of weights; default folder: runs/<name>.

    Raises:
        BarlowReportError: Something the user can act on; the same call goes on after the last finished epoch.
    """
    from barlow_report.vision.training import train as train_model
    from barlow_report.visuals.training_curve import draw_training_curve

    config = with_local_files(config, apart=("data", "validation"))
    output = plain_path(folder or Path("runs") / config.name)
    progress = progress or SilentProgress()

    def draw_curve(metrics: "pd.DataFrame") -> None:
        atomic_write(output / "curve.png", draw_training_curve(metrics))

    result = train_model(config, output=output, progress=progress, on_epoch=draw_curve)
    progress.message(f"The lines of a configuration that use it: {result.usage}")
    return result.weights


def convert_checkpoint(
    source: Path,
    target: Path,
    *,
    entry: str | None = None,
    allow_unpickling: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write the weights of a checkpoint to a safetensors file and return its path.

    Raises:
        BarlowReportError: The checkpoint cannot be read, or needs `entry` or `allow_unpickling`; the file cannot be
            written.
    """
    from barlow_report.vision.checkpoints import convert_checkpoint as convert

    result = convert(source, target, entry=entry, allow_unpickling=allow_unpickling, overwrite=overwrite)
    report = progress or SilentProgress()
    report.message(f"{counted(result.n_weights, 'tensor')} written")
    if result.dropped:
        report.message(f"Left out, because they are not weights: {', '.join(map(ascii, result.dropped))}")
    for key, value in result.preprocessing.items():
        report.message(f"{key} of the images: {list(value) if isinstance(value, tuple) else value}")
    return target


def default_run_folder(config: Config) -> Path:
    """Return runs/<name> in the working directory."""
    return Path("runs") / config.name


def default_site_folder(name: str) -> Path:
    """Return site/<name> in the working directory."""
    return Path("site") / name


def site_folder(folder: Path) -> Path:
    """Return where the site of the run in `folder` goes by default."""
    content = read_outputs(folder) if is_of_each_output(folder) else Run.open(folder).info
    return default_site_folder(str(content.get("name", folder.name)))


def _info(config: Config) -> dict[str, Any]:
    return {
        "name": config.name,
        "versions": {
            "barlow-report": metadata.version("barlow-report"),
            "python": platform.python_version(),
            **{package: metadata.version(package) for package in _REPORTED_PACKAGES},
        },
    }
