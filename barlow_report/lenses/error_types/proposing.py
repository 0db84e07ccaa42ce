"""Words for what each failure shows, chosen by an image-text model and left in the run folder for a person to edit."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from barlow_report.config import ClipConfig, Config
from barlow_report.errors import ConfigError, ModelError
from barlow_report.files import atomic_write, digest_named
from barlow_report.formatting import count, counted
from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.config import TaxonomyConfig
from barlow_report.lenses.error_types.proposals import nearest_labels, proposals_text
from barlow_report.lenses.error_types.words import BestWords, candidate_words, caption
from barlow_report.progress import Progress
from barlow_report.run_folder import Run, fingerprint
from barlow_report.seals import is_sealed, sealed_file
from barlow_report.stages.embeddings import clip_identity, embed

if TYPE_CHECKING:
    from barlow_report.vision.embeddings import ImageTextModel

__all__ = ["PROPOSALS", "image_text_model", "propose_words", "with_proposals"]

PROPOSALS = "proposals.suggested.csv"
"""The file of proposed words in a run folder, for a person to edit."""

_STAGE = "proposals"
_WORDS_AT_A_TIME = 512
_BATCHES_PER_SAVE = 8


def with_proposals(settings: TaxonomyConfig, run: Run) -> TaxonomyConfig:
    """Return the settings with the file of words that were proposed for the run, where they ask for that."""
    if settings.proposal_words is None:
        return settings
    return settings.model_copy(update={"proposals": run.folder / PROPOSALS})


def propose_words(config: Config, run: Run, vocabulary: Vocabulary, *, progress: Progress) -> None:
    """Write the best words for each failure, and the classes of its neighbours, unless they are up to date.

    Words are embedded once, a batch at a time; what was found is kept now and then, so that a stopped run goes on.

    Args:
        config: The configuration, with `taxonomy.proposal_words`.
        run: The run folder, with the stage `extract` finished.
        vocabulary: The classes.
        progress: Where to report to.

    Raises:
        ConfigError: No image-text model is named.
        DataError: The words or an image cannot be read.
        ModelError: The image-text model cannot be loaded or used, or has no text tower.
    """
    settings = config.section("taxonomy")
    if settings is None or settings.proposal_words is None:
        return
    spec, role = image_text_model(config, settings)
    identity = clip_identity(config, spec, run, role=role)
    mark = fingerprint(
        extract=run.info["stages"].get("extract"),
        clip=identity,
        words=_words_digest(settings),
        template=settings.proposal_template,
        n_neighbors=settings.n_neighbors,
    )
    if run.is_done(_STAGE, fingerprint=mark) and (run.folder / PROPOSALS).is_file():
        progress.message("Proposed words are up to date")
        return
    words = candidate_words(settings.proposal_words, vocabulary=vocabulary, wordnet_folder=settings.wordnet.folder)
    images = run.read_table("images")
    labels = images["label"].to_numpy(dtype=np.int64)
    failures = np.flatnonzero(labels != images["prediction"].to_numpy(dtype=np.int64))
    work, text = run.begin(_STAGE, fingerprint=mark), proposals_text((), vocabulary=vocabulary)
    if len(failures):
        model = _load_model(config, spec, role=role)
        embeddings = embed(config, run, model, identity=identity, progress=progress)
        captions = [caption(settings.proposal_template, word) for word in words]
        best = _best_words(model, captions, embeddings, failures, work=work, progress=progress)
        neighbors = nearest_labels(embeddings, labels, failures, n=settings.n_neighbors)
        chosen = zip(failures.tolist(), best.index.tolist(), best.score.tolist(), strict=True)
        paths = images["path"].tolist()
        rows = ((paths[image_id], words[word], score, neighbors[image_id]) for image_id, word, score in chosen)
        text = proposals_text(rows, vocabulary=vocabulary)
    atomic_write(run.folder / PROPOSALS, text)
    run.finish(_STAGE, fingerprint=mark)
    progress.message(
        f"Words for {counted(len(failures), 'failure')} were chosen from {count(len(words))}: look through "
        f"{run.folder / PROPOSALS}, and name your copy under taxonomy.proposals"
    )


def image_text_model(config: Config, settings: TaxonomyConfig) -> tuple[ClipConfig, str]:
    """The section of the configuration that names the image-text model, and its path."""
    if settings.clip is not None:
        return settings.clip, "taxonomy.clip"
    if config.section("directions") is None or config.section("directions").clip is None:
        raise ConfigError(
            "taxonomy.proposal_words: needs an image-text model. Add one under taxonomy.clip or directions.clip."
        )
    return config.section("directions").clip, "directions.clip"


def _load_model(config: Config, spec: ClipConfig, *, role: str) -> "ImageTextModel":
    from barlow_report.vision.devices import choose_device
    from barlow_report.vision.embeddings import load_image_text_model

    model = load_image_text_model(spec, device=choose_device(config.device), role=role)
    if not model.has_text:
        raise ModelError(
            f"{role}: {model.name} has no text tower, which taxonomy.proposal_words needs. Give a model that has one."
        )
    return model


def _words_digest(settings: TaxonomyConfig) -> str:
    is_wordnet = settings.proposal_words == "wordnet"
    path = settings.wordnet.folder / "data.noun" if is_wordnet else Path(str(settings.proposal_words))
    return digest_named(path, key="taxonomy.wordnet.folder" if is_wordnet else "taxonomy.proposal_words")


def _best_words(
    model: "ImageTextModel",
    captions: Sequence[str],
    embeddings: np.ndarray,
    failures: np.ndarray,
    *,
    work: Path,
    progress: Progress,
) -> BestWords:
    """The position of the best caption for each failure; goes on from what an earlier attempt left in `work`."""
    state = work / "best.npz"
    best, n_done = BestWords.of(len(failures)), 0
    if is_sealed(state):
        with np.load(state, allow_pickle=False) as found:
            best, n_done = BestWords(index=found["index"], score=found["score"]), int(found["n_done"])
    with progress.task("Trying words", total=len(captions), unit="words", n_done=n_done) as advance:
        for start in range(n_done, len(captions), _WORDS_AT_A_TIME):
            texts = captions[start : start + _WORDS_AT_A_TIME]
            best.update(embeddings, failures, model.embed_texts(texts), first=start)
            advance(len(texts))
            if (start // _WORDS_AT_A_TIME) % _BATCHES_PER_SAVE == _BATCHES_PER_SAVE - 1:
                with sealed_file(state) as file:
                    np.savez(file, index=best.index, score=best.score, n_done=start + len(texts))
    return best
