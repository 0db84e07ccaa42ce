"""Which of the models' outputs the classes of a run are, noted by its pass for whoever loads the models again."""

from dataclasses import asdict

from barlow_report.run_folder import Run
from barlow_report.vision.class_subset import OutputSubset
from barlow_report.vision.datasets import ImageList

__all__ = ["note_subset", "subset_of"]

_KEY = "output_subset"


def note_subset(run: Run, images: ImageList) -> None:
    """Note in run.json which outputs the classes are, or that there are no others."""
    if images.subset is not None:
        run.update_info(**{_KEY: asdict(images.subset)})
    elif _KEY in run.info:
        run.update_info(**{_KEY: None})


def subset_of(run: Run) -> OutputSubset | None:
    """Return which outputs the classes of a run are; None where models have no others."""
    noted = run.info.get(_KEY)
    return None if noted is None else OutputSubset(columns=tuple(noted["columns"]), n_all=noted["n_all"])
