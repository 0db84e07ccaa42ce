"""The images of a run by column, and which classes are taken for which among them."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.errors import SiteError
from barlow_report.report.records import Share
from barlow_report.visible import visible

__all__ = ["Images", "confusions", "count_confusions"]


class Images:
    """The images by column; `image_id` is the position."""

    def __init__(self, frame: pd.DataFrame, *, contents: pd.DataFrame, splits: pd.DataFrame, show_paths: bool) -> None:
        frame = frame.sort_values("image_id")
        if not np.array_equal(frame["image_id"].to_numpy(), np.arange(len(frame))):
            raise SiteError("images: expected image ids from 0 without gaps. Run the stage extract again.")
        self._paths = frame["path"].to_numpy() if show_paths else None
        self._n_images = len(frame)
        self.label = frame["label"].to_numpy()
        self.prediction = frame["prediction"].to_numpy()
        self.confidence = frame["confidence"].to_numpy()
        self.is_held_out = np.zeros(len(frame), dtype=np.bool_)
        self.is_held_out[splits["image_id"][(splits["split"] == "held_out").to_numpy()]] = True
        digests = contents.sort_values("image_id")["digest"].to_numpy().astype(np.bytes_)
        self._digests = digests if len(digests) == len(frame) else None
        n_classes = int(max(self.label.max(initial=-1), self.prediction.max(initial=-1))) + 1
        self._n_labelled = np.bincount(self.label, minlength=n_classes)
        self._n_predicted = np.bincount(self.prediction, minlength=n_classes)
        self._n_right = np.bincount(self.label[self.label == self.prediction], minlength=n_classes)

    def __len__(self) -> int:
        return self._n_images

    def path(self, image_id: int) -> str | None:
        """Where an image lies below the data's folder; None unless the site may show it."""
        return None if self._paths is None else visible(self._paths[image_id])

    def exact_path(self, image_id: int) -> str | None:
        """The same as the file is called, for other programs."""
        return None if self._paths is None else str(self._paths[image_id])

    def digest(self, image_id: int) -> str | None:
        """Hash of the encoded image, see table `contents`; None where it was not noted."""
        return None if self._digests is None else self._digests[image_id].decode()

    def name(self, image_id: int) -> str:
        """What to call an image: its path where that may be shown, otherwise its number in the run."""
        return self.path(image_id) or f"image {image_id}"

    def of_class(self, class_id: int) -> tuple[int, int, int]:
        """Count the images of a class: labelled as it, predicted as it, and both."""
        counts = (self._n_labelled, self._n_predicted, self._n_right)
        labelled, predicted, right = (int(n[class_id]) if class_id < len(n) else 0 for n in counts)
        return labelled, predicted, right

    @property
    def is_failure(self) -> npt.NDArray[np.bool_]:
        """Which images fail."""
        return np.asarray(self.label != self.prediction)

    @property
    def failures(self) -> Share:
        """Share of images that fail."""
        return Share(int(self.is_failure.sum()), len(self))


def confusions(images: Images) -> dict[tuple[str, int], tuple[tuple[int, int], ...]]:
    """For (grouping, class): the classes on the other side of its failures with their counts, most first."""
    found: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for label, prediction, n in count_confusions(images, np.arange(len(images))).tolist():
        found.setdefault(("label", label), []).append((prediction, n))
        found.setdefault(("prediction", prediction), []).append((label, n))
    return {key: tuple(sorted(items, key=lambda item: (-item[1], item[0]))) for key, items in found.items()}


def count_confusions(images: Images, image_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Count the failures among some images: (n_pairs, 3) with label, prediction and number."""
    pairs = np.stack([images.label[image_ids], images.prediction[image_ids]], axis=1).astype(np.int64)
    pairs, counts = np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0, return_counts=True)
    return np.column_stack([pairs, counts])
