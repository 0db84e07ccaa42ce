"""What makes two failure modes of different runs the same one, and the name that it keeps.

A mode is identified by its grouping, its group and classes by name, the feature model, and its features with their
branches. Thresholds are not part of it: they move with every model. `name_modes` makes a name of that: a part to read,
such as `dog-without-f22`, and four characters of its hash, so that modes that read alike have names of their own.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from barlow_report.slugs import slugs
from barlow_report.tables import COLUMN_GROUPING

__all__ = ["Identity", "name_modes"]

_READ_LENGTH = 40
_CODE_LENGTH = 4


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a failure mode is the same by, in whatever run.

    Attributes:
        grouping: Of its group, see the table `groups`.
        group_name: Of its group.
        classes: Names of the classes that define the group; none for a value of a column.
        feature_model: Hash of the feature model's weights, preprocessing and number of features; None where it is
            unknown: then no mode of another run is the same by identity.
        conditions: Features and their branches, sorted.
    """

    grouping: str
    group_name: str
    classes: tuple[str, ...]
    feature_model: str | None
    conditions: tuple[tuple[int, str], ...]


def name_modes(identities: Sequence[Identity], *, taken: frozenset[str] = frozenset()) -> list[str]:
    """Return a name for each identity: lower-case ASCII letters, digits and hyphens, unique, the same every time.

    Args:
        identities: Of the modes of one run. The same identity twice, as of a tree that splits by one feature again and
            again, gets a further number.
        taken: Names that others have already; they are not given again.
    """
    given: set[str] = set(taken)
    names = []
    for identity in identities:
        name, n = _name(identity), 1
        while name in given:
            n += 1
            name = f"{_name(identity)}-{n}"
        given.add(name)
        names.append(name)
    return names


def _name(identity: Identity) -> str:
    of_column = identity.grouping.startswith(COLUMN_GROUPING)
    group = f"{identity.grouping.removeprefix(COLUMN_GROUPING)} {identity.group_name}" if of_column else None
    read = slugs([group or identity.group_name])[0][:_READ_LENGTH].strip("-")
    called = "called-" if "prediction" in identity.grouping and not of_column else ""
    words = "-".join(f"{'without' if branch == 'le' else 'with'}-f{feature}" for feature, branch in identity.conditions)
    return f"{called}{read}-{words}-{_code(identity)}"


def _code(identity: Identity) -> str:
    """A few characters of the identity's hash, without those that are easily mixed up."""
    values = [
        identity.grouping,
        identity.group_name,
        list(identity.classes),
        identity.feature_model,
        [list(condition) for condition in identity.conditions],
    ]
    digest = hashlib.sha256(json.dumps(values).encode()).digest()
    return base64.b32encode(digest).decode().lower()[:_CODE_LENGTH]
