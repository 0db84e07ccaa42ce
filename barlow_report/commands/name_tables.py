"""The four tables that are made of people's answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from barlow_report.annotations.answers import Answer
from barlow_report.annotations.embeddings import choose_embedding
from barlow_report.annotations.figures import study_figures
from barlow_report.annotations.folder import GroupKey
from barlow_report.annotations.names import FeatureName, Vote, name_features
from barlow_report.annotations.quality import flags
from barlow_report.run_folder import Run
from barlow_report.tables import TABLES

__all__ = ["MergeSettings", "write_tables"]


@dataclass(frozen=True, kw_only=True)
class MergeSettings:
    """How answers are made into names; kept in run.json, so that later merges go on in the same way."""

    embedding: str = "ngrams"
    min_seconds: float = 5.0


def write_tables(
    run: Run,
    answers: Sequence[Answer],
    keys: Mapping[int, GroupKey],
    *,
    overrides: Mapping[tuple[int, int], str],
    model: str,
    settings: MergeSettings,
) -> list[FeatureName]:
    """Write the tables anew, note the settings in run.json, and return the names.

    Args:
        run: The run, locked.
        answers: All answers that apply to its groups.
        keys: How each group is found again in a later analysis.
        overrides: Names that the owner chose, by (group, feature).
        model: The hash of the feature model.
        settings: How answers are made into names.
    """
    votes = [
        Vote(answer=answer, flags=found)
        for answer, found in zip(answers, flags(answers, min_seconds=settings.min_seconds), strict=True)
    ]
    words, embed = choose_embedding(settings.embedding)
    vectors = {kind: embed([getattr(answer.answers, kind) or "" for answer in answers]) for kind in ("short", "long")}
    seed = int(run.info["config"]["seed"])
    names = name_features(votes, vectors["short"], overrides=overrides, seed=seed)
    figures = study_figures(votes, vectors, names, embedding=words, seed=seed)
    rows: dict[str, Iterable[dict[str, Any]]] = {
        "annotations": [_annotation_row(vote, keys) for vote in votes],
        "feature_names": [_name_row(name, keys, model=model) for name in names],
        "name_variants": [row for name in names for row in _variant_rows(name)],
        "study_figures": [asdict(figure) for figure in figures],
    }
    for name, found in rows.items():
        run.write_table(name, pd.DataFrame(found, columns=TABLES[name].column_names, dtype=object).infer_objects())
    run.update_info(annotations=asdict(settings))
    return names


def _annotation_row(vote: Vote, keys: Mapping[int, GroupKey]) -> dict[str, Any]:
    answer: Answer = vote.answer
    same = ("group_id", "feature_id", "annotator", "report_id", "record_id", "revision", "source", "position")
    row = {name: getattr(answer, name) for name in (*same, "active_seconds", "n_pastes")}
    return {
        **row,
        **_group_columns(answer.group_id, keys),
        **answer.answers.model_dump(),
        "flags": " ".join(vote.flags),
    }


def _name_row(name: FeatureName, keys: Mapping[int, GroupKey], *, model: str) -> dict[str, Any]:
    row = {key: getattr(name, key) for key in TABLES["feature_names"].column_names if hasattr(name, key)}
    return {**row, **_group_columns(name.group_id, keys), "feature_model": model}


def _variant_rows(name: FeatureName) -> Iterable[dict[str, Any]]:
    for rank, variant in enumerate(name.variants, start=1):
        yield {
            "group_id": name.group_id,
            "feature_id": name.feature_id,
            "rank": rank,
            "text": variant.text,
            "n_people": variant.n_people,
        }


def _group_columns(group_id: int, keys: Mapping[int, GroupKey]) -> dict[str, Any]:
    grouping, class_id, name = keys[group_id]
    return {"grouping": grouping, "class_id": class_id, "group_name": name}
