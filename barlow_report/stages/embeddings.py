"""Embeddings of all images by an image-text model: one pass, saved in shards, so that a stopped run goes on."""

import io
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from barlow_report.config import ClipConfig, Config
from barlow_report.engine import current_engine
from barlow_report.errors import DamagedFileError, ModelError
from barlow_report.files import digest_file
from barlow_report.fingerprints import factory_identity
from barlow_report.progress import Progress
from barlow_report.run_folder import Run, fingerprint
from barlow_report.seals import is_sealed, read_sealed
from barlow_report.stages.embedding_work import EmbeddingUnit, EmbeddingWork, shard_file
from barlow_report.stages.loading import Noted, is_unchanged, loaded_contents, noting

if TYPE_CHECKING:
    from barlow_report.vision.embeddings import ImageTextModel

__all__ = ["clip_identity", "embed"]

_NAME = "embeddings"


def clip_identity(config: Config, spec: ClipConfig, run: Run, *, role: str = "directions.clip") -> dict[str, Any]:
    """Return everything that decides what the model computes.

    A factory's model is made once where it is not known what its code uses, or where that has changed.

    Args:
        config: The configuration.
        spec: Its section about the model.
        run: The run folder; what the factory's code uses is noted there.
        role: The path of that section, for messages.

    Raises:
        ModelError: A file that the configuration names does not exist, or the factory fails.
    """
    files = [] if spec.weights is None else [spec.weights]
    if spec.folder is not None:
        files = sorted(path for path in spec.folder.glob("*") if path.is_file())
        if not files:
            raise ModelError(f"{spec.folder}: no files found. Give the folder of a model under {role}.folder.")
    try:
        digests = [digest_file(path) for path in files]
    except OSError as error:
        raise ModelError(
            f"{spec.weights}: cannot be read ({error.strerror}). Give the path of an existing file under "
            f"{role}.weights."
        ) from error
    return {
        "model": spec.model,
        "files": digests,
        "factory": None if spec.factory is None else factory_identity(spec.factory),
        "loaded": None if spec.factory is None else _loaded(config, spec, run, role=role),
    }


def _loaded(config: Config, spec: ClipConfig, run: Run, *, role: str) -> list[Any]:
    known = run.info.get("loaded_by_factories", {})
    noted = known.get(spec.factory, {})
    if not noted or not is_unchanged({role: spec}, noted):
        from barlow_report.vision.devices import choose_device
        from barlow_report.vision.embeddings import load_image_text_model

        noted = Noted()
        with noting({role: spec}, noted):
            load_image_text_model(spec, device=choose_device(config.device), role=role)
        run.update_info(loaded_by_factories={**known, spec.factory: noted})
    return loaded_contents({role: spec}, noted)


def embed(
    config: Config, run: Run, model: "ImageTextModel", *, identity: dict[str, Any], progress: Progress
) -> np.ndarray:
    """Return the embeddings of all images, memory-mapped, computing those that are missing.

    Args:
        config: The configuration.
        run: The run folder, with the stage `extract` finished.
        model: The image-text model.
        identity: Of the model, see `clip_identity`.
        progress: Where to report to.

    Raises:
        DataError: An image cannot be read any more.
        ModelError: The model fails.
    """
    mark = fingerprint(extract=run.info["stages"].get("extract"), clip=identity)
    if run.is_done(_NAME, fingerprint=mark):
        with suppress(DamagedFileError):
            found = run.features(_NAME)
            progress.message("Embeddings are up to date")
            return found
    from barlow_report.stages.pictures import Pictures

    photos = Pictures(config, run).photos
    n_images = len(run.read_table("images"))
    work = run.begin(_NAME, fingerprint=mark)
    size = config.extraction.shard_size
    paths = [shard_file(work, index) for index in range(-(-n_images // size))]
    missing = [index for index, path in enumerate(paths) if not is_sealed(path)]
    ids = {index: range(index * size, min((index + 1) * size, n_images)) for index in missing}
    units = [EmbeddingUnit(index=index, photos=[photos.photo(i) for i in ids[index]]) for index in missing]
    n_done = n_images - sum(map(len, ids.values()))
    embedding = EmbeddingWork(
        model=model, device=config.device, source=photos.source, work=work, n_workers=config.extraction.n_workers
    )
    with (
        current_engine().team(embedding, n_units=len(units)) as team,
        progress.task("Embedding images", total=n_images, unit="images", n_done=n_done) as advance,
    ):
        for _ in team.map(units, advance=advance):
            pass
    blocks = map(_load, paths)
    n_dimensions = _load(paths[0]).shape[1]
    run.write_features(blocks, shape=(n_images, n_dimensions), dtype="float32", name=_NAME)
    run.finish(_NAME, fingerprint=mark)
    return run.features(_NAME)


def _load(path: Path) -> np.ndarray:
    data = read_sealed(path, advice="Run the same command again: it embeds its images again.")
    values: np.ndarray = np.load(io.BytesIO(data), allow_pickle=False)
    return values
