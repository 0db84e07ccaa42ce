"""run.json: what is known of a run as a whole, and what its stages took for granted."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from barlow_report.errors import RunFolderError
from barlow_report.files import digest_text
from barlow_report.seals import read_sealed_json, write_sealed_json

__all__ = ["FORMAT", "InfoFile", "fingerprint"]

FORMAT = 2
"""Number of the run folder's format; a run of another format is refused."""

_START_AGAIN = (
    "Rename the folder, and run barlow-report run with the configuration again. People's answers are in its folder "
    "annotations: copy that into the new folder, and run barlow-report annotations merge."
)


def fingerprint(**inputs: object) -> str:
    """Return a hash of everything a stage depends on; `inputs` must be writable as JSON."""
    return digest_text(json.dumps({"format": FORMAT, **inputs}, sort_keys=True, default=str))


class InfoFile:
    """The file run.json of a run folder."""

    folder: Path

    @property
    def _info_path(self) -> Path:
        return self.folder / "run.json"

    @property
    def info(self) -> dict[str, Any]:
        """The content of run.json: format, configuration, versions, models, finished stages."""
        try:
            found = json.loads(self._info_path.read_text(encoding="utf-8"))["format"]
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise RunFolderError(f"{self._info_path}: cannot be read ({error}). {_START_AGAIN}") from error
        if found != FORMAT:
            raise RunFolderError(
                f"{self._info_path}: found format {found}, expected {FORMAT}. "
                "It was written by another version of barlow-report: use that version, or a new folder."
            )
        return read_sealed_json(self._info_path, advice=_START_AGAIN)

    def identify(self, explained: str, *, created_at: str) -> None:
        """Name this run by the fingerprint of `explain`: people's descriptions of features belong to it alone."""
        if self.info.get("run_id") != explained[:16]:
            self.update_info(run_id=explained[:16], created_at=created_at)

    def record_config(self, sections: Mapping[str, Any]) -> None:
        """Note the sections of the configuration that what is in the folder was computed with."""
        config = {**self.info.get("config", {}), **sections}
        if config != self.info.get("config"):
            self.update_info(config=config)

    def update_info(self, **values: Any) -> None:
        """Set entries of run.json."""
        self._write_info({**self.info, **values})

    def _write_info(self, info: Mapping[str, Any]) -> None:
        write_sealed_json(self._info_path, info, indent=2)

    def assume(self, stage: str, key: str, text: str) -> None:
        """Note in one sentence what `stage` took for granted and a reader of the report must know.

        The site shows it under *What was assumed*. It is kept until the stage is done again with other inputs.

        Args:
            stage: The stage that assumes it.
            key: Names the assumption; the same key again replaces the sentence.
            text: A sentence about the data or the models, for readers of the site: no paths.
        """
        assumptions = self.info.get("assumptions", {})
        if assumptions.get(stage, {}).get(key) != text:
            self.update_info(assumptions={**assumptions, stage: {**assumptions.get(stage, {}), key: text}})

    def retract(self, stage: str, key: str) -> None:
        """Drop an assumption that an earlier attempt has noted and this one does not make."""
        assumptions = self.info.get("assumptions", {})
        if key in assumptions.get(stage, {}):
            kept = {other: text for other, text in assumptions[stage].items() if other != key}
            self.update_info(assumptions={**assumptions, stage: kept})

    def _forget_assumptions(self, stages: Iterable[str]) -> None:
        assumptions = self.info.get("assumptions", {})
        if stale := assumptions.keys() & set(stages):
            self.update_info(assumptions={stage: noted for stage, noted in assumptions.items() if stage not in stale})
