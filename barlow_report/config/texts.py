"""YAML files of names: every value is a text, whatever YAML would make of it."""

from typing import Any

import yaml

from barlow_report.documents import check_texts

__all__ = ["parse_texts", "unique_keys"]


class _TextLoader(yaml.BaseLoader):
    """`no` is no, `01` is 01, `12:30` is 12:30; and nothing stands for something else, so that a file stays small."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise ValueError("holds an alias (*); write out what it stands for")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        return unique_keys(super().construct_pairs(node, deep=deep))


def parse_texts(text: str) -> Any:
    """Return the lists, mappings and texts of a YAML document.

    Raises:
        ValueError: It is no YAML, a key occurs twice in a mapping, there are aliases, or characters no name can have.
    """
    try:
        values = yaml.load(text, Loader=_TextLoader)  # noqa: S506 - a BaseLoader makes texts, lists and mappings only
    except (yaml.YAMLError, RecursionError, TypeError) as error:
        raise ValueError(str(error)) from error
    check_texts(values)
    return values


def unique_keys(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    """Return a mapping of pairs; a ValueError for a key that occurs twice, of which a parser would keep the last."""
    if len({str(key) for key, _ in pairs}) < len(pairs):
        raise ValueError("the same key occurs twice in a mapping")
    return dict(pairs)
