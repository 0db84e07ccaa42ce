"""The classes of a run by everything that files may call them, also where it has only some of those that are listed."""

from collections.abc import Sequence

from barlow_report.config import DataConfig
from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.vision.class_names import INTEGER
from barlow_report.vision.classes import configured_classes, synset_ids

__all__ = ["vocabulary_of"]


def vocabulary_of(class_names: Sequence[str], data: DataConfig) -> Vocabulary:
    """Return the vocabulary of a run.

    Args:
        class_names: Its classes, in order; fewer than are listed where predictions are restricted to some of them.
        data: Its section `data`.

    Raises:
        DataError: The class file cannot be read.
    """
    synsets, all_synsets = synset_ids(class_names, data)
    vocabulary = Vocabulary(names=class_names, synsets=synsets, all_synsets=all_synsets)
    listed = None if data.classes_evaluated is None else configured_classes(data)
    if listed is None or len(listed) == len(class_names):
        return vocabulary
    evaluated = set(class_names)
    others = {class_id for class_id, name in enumerate(listed.names) if name not in evaluated}
    keys = {key for key, class_id in listed.keys.items() if class_id in others and not INTEGER.fullmatch(key)}
    lacking = frozenset(keys | {listed.names[class_id] for class_id in others})
    return Vocabulary(names=class_names, synsets=synsets, all_synsets=all_synsets, listed=listed.names, lacking=lacking)
