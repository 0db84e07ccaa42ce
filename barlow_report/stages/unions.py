"""Unions of classes by whatever the configuration calls these: names, WordNet ids, superclasses of the taxonomy."""

import difflib
from collections.abc import Mapping, Sequence

from barlow_report.config import Config, RulesConfig
from barlow_report.errors import ConfigError
from barlow_report.lenses import registry
from barlow_report.vision.classes import synset_ids

__all__ = ["rules_with_unions"]


def rules_with_unions(config: Config, class_names: Sequence[str]) -> RulesConfig:
    """Return the section `rules` with every union in `unions`, and every class by its name.

    Args:
        config: The configuration.
        class_names: The classes of the run, in order.

    Raises:
        ConfigError: A union names a class or a superclass that is not there, or one class twice; or a superclass that
            is to be one has a single class of the run, or the name of another union.
        DataError: The superclasses cannot be read.
    """
    rules = config.rules
    if not rules.unions and not rules.union_superclasses:
        return rules
    named = {name: class_names[class_id] for class_id, name in synset_ids(class_names, config.data)[0].items()}
    named |= {name: name for name in class_names}
    unions = {
        union: _distinct([named.get(name, name) for name in classes], union) for union, classes in rules.unions.items()
    }
    for union, classes in _superclasses(config, class_names).items():
        if union in unions:
            raise ConfigError(
                f"rules.union_superclasses: there is another union {union!r} in rules.unions; rename that one."
            )
        unions[union] = tuple(classes)
    resolved = rules.model_copy(update={"unions": unions, "union_superclasses": ()})
    resolved.union_classes(class_names)
    return resolved


def _distinct(classes: list[str], union: str) -> tuple[str, ...]:
    repeated = [name for name in classes if classes.count(name) > 1]
    if repeated:
        raise ConfigError(f"rules.unions: {union!r} names the class {repeated[0]!r} twice, perhaps by its WordNet id.")
    return tuple(classes)


def _superclasses(config: Config, class_names: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Those of the taxonomy that are to be unions, with the names of their classes."""
    wanted = config.rules.union_superclasses
    if not wanted:
        return {}
    known = registry.superclasses_of(config, class_names)
    if wanted == "all":
        return {name: classes for name, classes in known.items() if len(classes) > 1}
    for name in wanted:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "write one of them as it is, or all."
            raise ConfigError(f"rules.union_superclasses: {name!r} is no superclass of the taxonomy; {hint}")
        if len(known[name]) < 2:
            raise ConfigError(f"rules.union_superclasses: {name!r} has one class of the run; leave it out.")
    return {name: known[name] for name in wanted}
