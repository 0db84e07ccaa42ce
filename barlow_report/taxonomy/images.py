"""The images of a run by the names that a file may give them."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from barlow_report.errors import DataError

__all__ = ["ImageNames"]


class ImageNames:
    """Finds images by their path, by their file name, or by that without its suffix, whatever is unique."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._ids = {path: image_id for image_id, path in enumerate(paths)}
        self._by_name: dict[str, int | None] = {}
        for image_id, path in enumerate(paths):
            name = PurePosixPath(path).name
            for key in dict.fromkeys((name, PurePosixPath(name).stem)):
                self._by_name[key] = None if key in self._by_name else image_id

    def __len__(self) -> int:
        return len(self._ids)

    def find(self, name: str, *, where: str) -> int | None:
        """Return the image_id; None where the run has no such image.

        Raises:
            DataError: Several images of the run have this file name.
        """
        path = name.strip().removeprefix("./")
        if path in self._ids:
            return self._ids[path]
        file_name = PurePosixPath(path).name
        for key in (file_name, PurePosixPath(file_name).stem):
            if key in self._by_name:
                found = self._by_name[key]
                if found is None:
                    raise DataError(
                        f"{where}: several images of the run are called {file_name!r}. Write paths as the run does, "
                        f"such as {next(path for path in self._ids if PurePosixPath(path).name == file_name)!r}."
                    )
                return found
        return None
