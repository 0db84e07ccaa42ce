"""Words for the features of verified failure modes: embed images and words, compare, and draw lots for comparison."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.config import ClipConfig, Config
from barlow_report.errors import ConfigError, ModelError
from barlow_report.files import digest_text
from barlow_report.formatting import counted
from barlow_report.lenses.words.config import WordsConfig
from barlow_report.lenses.words.scoring import best_words, most_activating, n_most_activating, random_picks
from barlow_report.lenses.words.vocabulary import BUILT_IN, read_vocabulary
from barlow_report.progress import Progress
from barlow_report.run_folder import Run, fingerprint
from barlow_report.significance import adjust_p_values
from barlow_report.stages.embeddings import clip_identity, embed
from barlow_report.stages.members import GroupMembers
from barlow_report.tables import empty_table

if TYPE_CHECKING:
    from barlow_report.vision.embeddings import ImageTextModel

__all__ = ["suggest_words"]

_FORMAT = 1
_N_BEST = 3
_SECTIONS = ("words", "directions", "taxonomy")


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """A group whose features want words."""

    group_id: int
    feature_ids: npt.NDArray[np.int64]
    image_ids: npt.NDArray[np.int64]


def suggest_words(config: Config, run: Run, *, explained: str, progress: Progress) -> None:
    """Write the tables of suggested words, unless they are up to date.

    Args:
        config: The configuration, with a section `words`.
        run: The run folder, with the stage `explain` finished.
        explained: The fingerprint of that stage.
        progress: Where to report to.

    Raises:
        ConfigError: There is no section `words`, or no image-text model.
        DataError: The vocabulary or an image cannot be read.
        ModelError: The image-text model cannot be loaded or used, or has no text tower.
    """
    settings: WordsConfig = config.needed_section("words")
    spec, role = image_text_model(config)
    words = read_vocabulary(settings.vocabulary or BUILT_IN)
    identity = clip_identity(config, spec, run, role=role)
    mark = fingerprint(
        explain=explained,
        clip=identity,
        words=digest_text("\n".join(words)),
        settings=settings.model_dump(mode="json", exclude={"clip", "vocabulary"}),
        seed=config.seed,
        format=_FORMAT,
    )
    if run.is_done("words", fingerprint=mark):
        progress.message("Suggested words are up to date")
        return
    asked = list(_asked(run, settings, seed=config.seed))
    tests, found = empty_table("word_tests"), empty_table("suggested_words")
    if asked:
        model = _load_model(config, spec, role=role)
        embeddings = embed(config, run, model, identity=identity, progress=progress)
        captions = _embed_words(model, [settings.template.replace("{}", word) for word in words], progress=progress)
        run.begin("words", fingerprint=mark)
        tests, found = _tables(run, asked, embeddings, captions, words, settings, seed=config.seed, progress=progress)
    else:
        run.begin("words", fingerprint=mark)
    run.write_table("word_tests", tests)
    run.write_table("suggested_words", found)
    run.finish("words", fingerprint=mark)
    n_named = int((tests["q_value"] <= config.rules.max_q_value).sum())
    progress.message(f"Words: a word fits {n_named} of {counted(len(tests), 'feature')} of verified failure modes")


def image_text_model(config: Config) -> tuple[ClipConfig, str]:
    """Return the section of the configuration that names the image-text model, and its path.

    Raises:
        ConfigError: None does.
    """
    for key in _SECTIONS:
        section = config.section(key)
        if section is not None and section.clip is not None:
            return section.clip, f"{key}.clip"
    raise ConfigError("words: needs an image-text model. Add one under words.clip.")


def _load_model(config: Config, spec: ClipConfig, *, role: str) -> "ImageTextModel":
    from barlow_report.vision.devices import choose_device
    from barlow_report.vision.embeddings import load_image_text_model

    model = load_image_text_model(spec, device=choose_device(config.device), role=role)
    if not model.has_text:
        raise ModelError(f"{role}: {model.name} has no text tower, which words needs. Give a model that has one.")
    return model


def _asked(run: Run, settings: WordsConfig, *, seed: int) -> Iterator[_Asked]:
    """The groups with verified failure modes, their features, and a sample of their images."""
    rules = run.read_table("rules")
    rules = rules[rules["verdict"] == "verified"]
    conditions = run.read_table("conditions").merge(rules[["rule_id", "group_id"]], on="rule_id")
    members = GroupMembers(run)
    for group_id, rows in conditions.groupby("group_id"):
        key = int(str(group_id))
        image_ids = members(key)
        if len(image_ids) > settings.max_images:
            random = np.random.default_rng((seed, key, 0))
            image_ids = np.sort(random.choice(image_ids, settings.max_images, replace=False))
        yield _Asked(group_id=key, feature_ids=np.unique(rows["feature_id"].to_numpy()), image_ids=image_ids)


def _embed_words(model: "ImageTextModel", captions: Sequence[str], *, progress: Progress) -> npt.NDArray[np.float32]:
    with progress.task("Embedding words", total=len(captions), unit="words") as advance:
        parts = []
        for start in range(0, len(captions), model.batch_size):
            part = captions[start : start + model.batch_size]
            parts.append(model.embed_texts(part))
            advance(len(part))
    return np.concatenate(parts)


def _tables(
    run: Run,
    asked: Sequence[_Asked],
    embeddings: npt.NDArray[np.floating],
    captions: npt.NDArray[np.float32],
    words: Sequence[str],
    settings: WordsConfig,
    *,
    seed: int,
    progress: Progress,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    features = run.features()
    tests: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    with progress.task("Comparing words", total=len(asked), unit="groups") as advance:
        for group in asked:
            activations = np.asarray(features[group.image_ids][:, group.feature_ids], dtype=np.float64)
            is_constant = activations.max(axis=0) == activations.min(axis=0)
            n = n_most_activating(len(group.image_ids), most=settings.n_images)
            for feature_id, same in zip(group.feature_ids.tolist(), is_constant.tolist(), strict=True):
                status = "too_few_images" if not n else "constant" if same else "tested"
                tests.append(_test(group, feature_id, status=status, n_picked=n if status == "tested" else 0))
            tested = np.flatnonzero(~is_constant) if n else np.zeros(0, dtype=np.int64)
            if len(tested):
                best = best_words(
                    np.asarray(embeddings[group.image_ids], dtype=np.float32),
                    captions,
                    picks=most_activating(activations[:, tested], n=n),
                    by_chance=random_picks(
                        len(group.image_ids), n=n, n_draws=settings.n_draws, seed=(seed, group.group_id, 1)
                    ),
                    n_best=_N_BEST,
                )
                own = tests[-len(group.feature_ids) :]
                for row, column in enumerate(tested):
                    own[column] |= {"chance_score": best.chance_score, "p_value": float(best.p_value[row])}
                    places = zip(best.words[row].tolist(), best.scores[row].tolist(), strict=True)
                    found += [
                        {
                            "group_id": group.group_id,
                            "feature_id": own[column]["feature_id"],
                            "rank": rank,
                            "word": words[word],
                            "score": score,
                        }
                        for rank, (word, score) in enumerate(places, start=1)
                    ]
            advance(1)
    table = pd.DataFrame(tests)
    is_tested = table["p_value"].notna()
    table.loc[is_tested, "q_value"] = adjust_p_values(table.loc[is_tested, "p_value"].to_numpy())
    return table, pd.DataFrame(found) if found else empty_table("suggested_words")


def _test(group: _Asked, feature_id: int, *, status: str, n_picked: int) -> dict[str, Any]:
    unknown = dict.fromkeys(("chance_score", "p_value", "q_value"), float("nan"))
    return {
        "group_id": group.group_id,
        "feature_id": feature_id,
        "status": status,
        "n_images": len(group.image_ids),
        "n_picked": n_picked,
        **unknown,
    }
