"""What people call features, as the pages say it: the name, how sure it is, and how many people say so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

__all__ = ["NAME_STATUSES", "FeatureName", "feature_names"]

NAME_STATUSES = {
    "agreed": "agreed",
    "disputed": "disputed",
    "single": "one person's word",
    "cannot_tell": "cannot tell",
}
"""How people's descriptions relate; see table `feature_names`."""

_RELATIONS = {
    "core": "part of the object",
    "spurious": "not part of the object",
    "undecided": "people disagree whether it is part of the object",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureName:
    """What a feature is called in a group; see table `feature_names`. Its texts come from outside."""

    group_id: int
    feature_id: int
    name: str | None
    status: str
    is_override: bool
    n_people: int
    n_described: int
    n_cannot_tell: int
    n_several: int
    n_flagged: int
    agreement: float | None
    relation: str | None
    n_core: int
    n_spurious: int
    n_relation: int
    variants: tuple[tuple[str, int], ...]

    @property
    def phrase(self) -> str | None:
        """The name in quotes, with a doubt where there is one: “white spots” (disputed)."""
        if self.name is None:
            return None
        doubts = {"disputed": " (disputed)", "single": " (one person)", "cannot_tell": " (most cannot tell)"}
        return f"“{self.name}”" + ("" if self.is_override else doubts.get(self.status, ""))

    @property
    def summary(self) -> str | None:
        """The name with its status and how many people gave it a description: “white spots” (agreed, 3 people)."""
        if self.name is None:
            return None
        n = self.n_described
        has_count = n and (self.is_override or self.status != "single")  # "one person's word" says how many
        people = f", {n} {'person' if n == 1 else 'people'}" if has_count else ""
        return f"“{self.name}” ({self.label}{people})"

    @property
    def look(self) -> str:
        """The class of the badge: the colours of verdicts that are as sure."""
        return {"agreed": "found", "disputed": "other_cue"}.get("agreed" if self.is_override else self.status, "unsure")

    @property
    def label(self) -> str:
        """The status in a word or two."""
        return "chosen by the owner" if self.is_override else NAME_STATUSES[self.status]

    @property
    def said_by(self) -> str:
        """How many people answered what: 4 of 5 people described it, 1 cannot tell."""
        if not self.n_people:
            return "nobody was asked"
        n = self.n_people
        parts = [f"{self.n_described} of {n} {'person' if n == 1 else 'people'} described it"]
        if self.n_cannot_tell:
            parts.append(f"{self.n_cannot_tell} cannot tell")
        if self.n_several:
            parts.append(f"{self.n_several} {'sees' if self.n_several == 1 else 'see'} several unrelated things")
        return ", ".join(parts)

    @property
    def said_spurious(self) -> str:
        """How many of those who were asked say that it is not part of the object."""
        return f"{self.n_spurious} of {self.n_relation} people say it is not part of the object"

    @property
    def relation_words(self) -> str | None:
        """What people say the feature is to the class, with the counts."""
        if self.relation is None:
            return None
        k = {"core": self.n_core, "spurious": self.n_spurious}.get(self.relation)
        counts = "" if k is None else f", say {k} of {self.n_relation}"
        return _RELATIONS[self.relation] + counts


def feature_names(tables: Mapping[str, pd.DataFrame], *, clean: Any) -> dict[tuple[int, int], FeatureName]:
    """Return the names by (group, feature); `clean` makes invisible characters of a text visible."""
    if "feature_names" not in tables:
        return {}
    variants: dict[tuple[int, int], list[tuple[str, int]]] = {}
    for row in tables["name_variants"].sort_values(["group_id", "feature_id", "rank"]).itertuples():
        variants.setdefault((row.group_id, row.feature_id), []).append((clean(row.text), row.n_people))
    found = {}
    for row in tables["feature_names"].itertuples():
        key = (row.group_id, row.feature_id)
        found[key] = FeatureName(
            group_id=row.group_id,
            feature_id=row.feature_id,
            name=clean(row.name) if isinstance(row.name, str) else None,
            status=row.status,
            is_override=row.is_override,
            n_people=row.n_people,
            n_described=row.n_described,
            n_cannot_tell=row.n_cannot_tell,
            n_several=row.n_several,
            n_flagged=row.n_flagged,
            agreement=None if row.agreement != row.agreement else row.agreement,
            relation=row.relation if isinstance(row.relation, str) else None,
            n_core=row.n_core,
            n_spurious=row.n_spurious,
            n_relation=row.n_relation,
            variants=tuple(variants.get(key, ())),
        )
    return found
