"""Everything that is known of the compared models before anything is counted: predictions, from tables and by asking.

Models that are asked and cannot be used are left out with a reason; a table that does not fit stops the comparison,
because a person has to mend it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from barlow_report.config import Config
from barlow_report.errors import ConfigError, DataError
from barlow_report.files import digest_named
from barlow_report.formatting import counted
from barlow_report.lenses.error_types.classes import Vocabulary, quoted
from barlow_report.lenses.error_types.images import ImageNames
from barlow_report.lenses.models.config import ComparisonConfig
from barlow_report.lenses.models.metadata import NOTHING, Metadata, read_metadata
from barlow_report.lenses.models.predictions import ModelPredictions, predictions_table, read_predictions
from barlow_report.lenses.models.sources import SourceModel, list_models
from barlow_report.progress import Progress
from barlow_report.run_folder import Run
from barlow_report.seals import UNSEALED, sealed_file
from barlow_report.stages.asking_models import FOLDER, answer_files, ask_models, identify_models, states_of
from barlow_report.stages.class_order import refuse_wrong_orders, wrong_order
from barlow_report.stages.model_answers import AskedModel
from barlow_report.stages.model_groups import Room
from barlow_report.tables import empty_table

__all__ = ["PREDICTIONS", "ComparedModels", "Inquiry"]

Integers = npt.NDArray[np.int64]
Predictions = npt.NDArray[np.int32]

PREDICTIONS = "predictions.parquet"
"""In the folder of the answers: what all models predict, as `comparison.predictions` can read it again."""

_INSPECTED = "inspected model"


@dataclass(frozen=True, kw_only=True, eq=False)
class ComparedModels:
    """The models of a comparison; the inspected one is the first.

    Attributes:
        names: (n_models,) what they are called.
        class_ids: (n_images, n_models) class_id that each predicts for each image of the run.
        metadata: (n_models,) what is known of each.
        left_out: Table `models_left_out`.
    """

    names: list[str]
    class_ids: Predictions
    metadata: list[Metadata]
    left_out: pd.DataFrame


class Inquiry:
    """The models that a configuration compares with the inspected one."""

    def __init__(self, config: Config, run: Run, settings: ComparisonConfig) -> None:
        """List them.

        Args:
            config: The configuration.
            run: The run folder, with the stage `extract` finished.
            settings: Its section `comparison`.

        Raises:
            ConfigError: A pattern fits no model, or a name stands for several.
            DataError: A file of names cannot be read.
            ModelError: A library is not installed.
        """
        self._config, self._run, self._settings = config, run, settings
        self._sources = list_models(settings.models)
        asked = [AskedModel(name=source.name, spec=source.spec) for source in self._sources]
        self._asked = identify_models(asked)

    def state(self) -> dict[str, Any]:
        """What the comparison depends on, beside its section of the configuration: for fingerprints.

        Raises:
            DataError: A file cannot be read.
        """
        settings = self._settings
        found: dict[str, Any] = {
            "predictions": [digest_named(path, key="comparison.predictions") for path in settings.predictions]
        }
        if settings.metadata is not None:
            found["metadata"] = digest_named(settings.metadata, key="comparison.metadata")
        if self._asked:
            found["models"] = states_of(answer_files(self._config, self._run), self._asked)
        return found

    def gather(self, vocabulary: Vocabulary, *, progress: Progress) -> ComparedModels:
        """Read the tables, ask the models, and put what they predict beside the inspected model's predictions.

        Args:
            vocabulary: The classes of the run.
            progress: Where to report to.

        Raises:
            ConfigError: Two models have one name.
            DataError: A table does not fit the run, or an image cannot be read any more.
        """
        images = self._run.read_table("images")
        labels, inspected = images["label"].to_numpy(), images["prediction"].to_numpy()
        given = self._read_tables(vocabulary, ImageNames(images["path"].tolist()), progress=progress)
        for table in given:
            refuse_wrong_orders(self._config, table.names, labels, table.class_ids, class_names=vocabulary.names)
        names = [name for table in given for name in table.names]
        self._refuse_repeated([*names, *(source.name for source in self._sources)])
        asked, left_out = self._ask(labels, vocabulary, progress=progress)
        found = dict.fromkeys(names, NOTHING) | {source.name: known for source, _, known in asked}
        columns = [*(table.class_ids for table in given), *(ids[:, None] for _, ids, _ in asked)]
        class_ids = np.column_stack([np.empty((len(labels), 0), np.int32), *columns]).astype(np.int32)
        names, class_ids = _with_inspected([*found], class_ids, inspected)
        compared = ComparedModels(
            names=names,
            class_ids=class_ids,
            metadata=self._metadata(names, found),
            left_out=left_out,
        )
        self._write(compared, images["path"].tolist(), vocabulary)
        return compared

    def _read_tables(self, vocabulary: Vocabulary, images: ImageNames, *, progress: Progress) -> list[ModelPredictions]:
        settings = self._settings
        tables = []
        for path in settings.predictions:
            table = read_predictions(
                path,
                vocabulary=vocabulary,
                images=images,
                models=settings.columns,
                is_one_of_several=len(settings.predictions) > 1,
            )
            if table.matches.n_foreign:
                progress.message(f"Note: {table.matches.words}")
                self._run.assume("comparison", "predictions", table.matches.sentence("comparison.predictions"))
            tables.append(table)
        missing = set(settings.columns) - {name for table in tables for name in table.names}
        if missing:
            raise DataError(
                f"comparison.columns: none of the tables of predictions has {quoted(sorted(missing))}. Correct it."
            )
        return tables

    def _refuse_repeated(self, names: Sequence[str]) -> None:
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ConfigError(
                f"comparison: several models are called {quoted(repeated)}. Rename the column, leave it out by "
                "'columns', or give the model another 'name'."
            )

    def _ask(
        self, labels: Integers, vocabulary: Vocabulary, *, progress: Progress
    ) -> tuple[list[tuple[SourceModel, Predictions, Metadata]], pd.DataFrame]:
        """Return the models that answer, with what they predict and what is known of them; and the others."""
        settings, asked, left_out = self._settings, [], []
        room = Room(n_models=settings.models_at_once, decoded_bytes=int(settings.decoded_gb * 1e9))
        answers = ask_models(self._config, self._run, self._asked, room=room, progress=progress) if self._asked else []
        for source, answer in zip(self._sources, answers, strict=True):
            reason = answer.reason
            if answer.predicted is not None:
                found = answer.predicted.predictions
                reason = wrong_order(self._config, labels, found, class_names=vocabulary.names) or ""
            if answer.predicted is None or reason:
                left_out.append({"name": source.name, "reason": reason})
                continue
            known = Metadata.of(answer.facts)
            asked.append((source, found, Metadata(family=source.family).completed(known)))
        if left_out:
            progress.message(
                f"{counted(len(left_out), 'model')} left out; to try again, delete *.left_out.json in "
                f"{self._run.folder / FOLDER}"
            )
        table = pd.DataFrame(left_out) if left_out else empty_table("models_left_out")
        return asked, table

    def _metadata(self, names: Sequence[str], found: dict[str, Metadata]) -> list[Metadata]:
        path = self._settings.metadata
        stated = {} if path is None else read_metadata(path, names)
        return [stated.get(name, NOTHING).completed(found.get(name, NOTHING)) for name in names]

    def _write(self, compared: ComparedModels, paths: Sequence[str], vocabulary: Vocabulary) -> None:
        """Leave what all models predict for others."""
        given = dict(zip(compared.names, compared.class_ids.T, strict=True))
        table = predictions_table(paths, given, vocabulary.names).replace_schema_metadata({"seal": UNSEALED})
        with sealed_file(self._run.folder / FOLDER / PREDICTIONS, appends=False) as file:
            pq.write_table(table, file, compression="zstd")


def _with_inspected(names: Sequence[str], class_ids: Predictions, inspected: Integers) -> tuple[list[str], Predictions]:
    """Put the inspected model first, and leave out another one that is the same model."""
    same = np.flatnonzero((class_ids == inspected[:, None]).all(axis=0))
    if len(same):
        first = int(same[0])
        others = [column for column in range(len(names)) if column != first]
        return [names[first], *(names[i] for i in others)], class_ids[:, [first, *others]]
    own = _INSPECTED
    while own in names:
        own = f"{own} of the report"
    return [own, *names], np.column_stack([inspected.astype(np.int32), class_ids])
