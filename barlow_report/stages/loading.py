"""What the code of factories used when models were made: noted, and compared with what is there now.

A stage is up to date only while all of it is as it was. The list is kept, because only making a model tells what it is
made from, and that takes seconds; to compare takes as long as reading the files.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from barlow_report.config import ClipConfig, Config, ModelConfig
from barlow_report.fingerprints import contents, factory_folders, loaded_now, note_loaded
from barlow_report.watching import watch

__all__ = ["Noted", "is_unchanged", "loaded_contents", "merge_noted", "noting", "specs_of"]

Noted = dict[str, Any]
"""What models were made from, see `fingerprints.note_loaded`, and under `beyond` where else their code went."""

Specs = Mapping[str, ModelConfig | ClipConfig | None]


def specs_of(config: Config) -> Specs:
    """Return the sections of the configuration that name the models of the first pass."""
    return {"inspected_model": config.inspected_model, "feature_model": config.feature_model}


@contextmanager
def noting(specs: Specs, noted: Noted) -> Iterator[None]:
    """Fill `noted` with what the models of `specs` are made from, while the block makes them."""
    factories = {key: spec.factory for key, spec in specs.items() if spec is not None and spec.factory is not None}
    if not factories:
        yield
        return
    with watch(factories.values()) as seen:
        yield
    noted |= note_loaded(seen, bases=factory_folders(factories), known=_named_files(specs))
    noted["beyond"] = sorted(seen.beyond)


def merge_noted(first: Noted, second: Noted) -> Noted:
    """Return what either noted; of what both have, the second."""
    kinds = sorted((first.keys() | second.keys()) - {"beyond"})
    merged = {kind: dict(sorted({**first.get(kind, {}), **second.get(kind, {})}.items())) for kind in kinds}
    return {**merged, "beyond": sorted({*first.get("beyond", ()), *second.get("beyond", ())})}


def is_unchanged(specs: Specs, noted: Noted) -> bool:
    """Whether everything that was noted is as it was."""
    now = _now(specs, noted)
    return all(now[kind] == noted[kind] for kind in noted if kind != "beyond")


def loaded_contents(specs: Specs, noted: Noted) -> list[Any]:
    """Return what is there now of all that was noted, without the places where it lies; for fingerprints."""
    return contents(_now(specs, noted))


def _now(specs: Specs, noted: Noted) -> Mapping[str, Mapping[str, Any]]:
    if not noted:
        return {}
    factories = {key: spec.factory for key, spec in specs.items() if spec is not None}
    return loaded_now(noted, bases=factory_folders(factories))


def _named_files(specs: Specs) -> Iterator[Path]:
    for spec in specs.values():
        for file in (getattr(spec, "weights", None), getattr(spec, "program", None)):
            if file is not None:
                yield Path(file)
