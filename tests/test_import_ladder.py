"""Who may import whom, read from the source: see the manual's design decisions."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from barlow_report.lenses import registry

PACKAGE = Path(__file__).resolve().parents[1] / "barlow_report"
FOUNDATION = {
    "binary_measures",
    "chart",
    "clock",
    "columns",
    "common_errors",
    "config",
    "delimited",
    "documents",
    "engine",
    "errors",
    "estimates",
    "files",
    "formatting",
    "hub",
    "offsets",
    "power",
    "progress",
    "progress_lines",
    "seals",
    "significance",
    "slugs",
    "storage",
    "tables",
    "telling_names",
    "thresholds",
    "training_config",
    "own_code",
    "visible",
    "watching",
}
CORE = {"annotations", "demo", "report", "rules", "vision", "visuals"}
PLUG = {"lenses.lens", "lenses.registry"}  # the protocol and the list: names and promises, which import nothing heavy
# What the modules of a lens may import beside the foundation and their own folder, by what they are for.
OF_A_LENS = {
    "config": set(),
    "tables": set(),
    "stage": {"run_folder", "stages", "fingerprints", "rules", "vision", "demo"},
    "report": {"report", "visuals"},
    "core": {"rules", "visuals", "demo"},
}
PARTS = {
    **{name: name for name in ("config", "tables", "stage")},
    **dict.fromkeys(
        ("asking", "estimating", "experimenting", "exporting", "laboratory", "proposing", "run_classes", "sources"),
        "stage",
    ),
    **dict.fromkeys(
        ("downloads", "page_charts", "page_errors", "page_history", "page_tables", "page_words", "pages", "places"),
        "report",
    ),
    **dict.fromkeys(("records", "release_records"), "report"),
}
ONLY_IN = {
    "torch": {"vision"},
    "torchvision": {"vision"},
    "safetensors": {"vision"},
    "sklearn": {"lenses", "rules"},
    "numba": {"rules"},
    "open_clip": {"vision"},
    "jinja2": {"manual", "report"},
    "mkdocs": {"manual", "report"},
    "griffe": {"manual"},
    "latex2mathml": {"manual"},
    "matplotlib": {"lenses", "visuals"},
    "typer": {
        "annotations_cli",
        "card_cli",
        "changes_cli",
        "check_cli",
        "cli",
        "cli_errors",
        "fiftyone_cli",
        "gate_cli",
        "init_cli",
        "manual",
        "pool_cli",
        "schema_cli",
        "serve_cli",
    },
    "fastapi": {"annotations"},
    "fsspec": {"storage"},
    "uvicorn": {"annotations"},
    "ray": {"engine"},
    "rich": {"terminal"},
}


def _modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _rooms(names: Iterable[str]) -> set[str]:
    """The rooms of modules of the package; of lenses also which one, or which part of the plug."""
    parts = (name.split(".")[1:] for name in names if name.startswith("barlow_report."))
    return {".".join(part[: 2 if part[0] == "lenses" else 1]) for part in parts}


def _own_imports(path: Path) -> set[str]:
    return _rooms(_imports(path))


def _imported_at_once(path: Path) -> set[str]:
    """What is imported with the module, not when a function is called or types are checked."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return _rooms(node.module for node in body if isinstance(node, ast.ImportFrom) and node.module)


@pytest.mark.parametrize("path", [p for p in _modules() if _room(p) != "lenses"], ids=_name)
def test_every_module_imports_only_what_is_below_it(path: Path) -> None:
    room = _room(path)
    allowed = {
        **dict.fromkeys(FOUNDATION, FOUNDATION),
        **dict.fromkeys(("config", "tables"), FOUNDATION | PLUG | {"lenses"}),
        **{name: FOUNDATION | {name} for name in CORE},
        "report": FOUNDATION | {"report", "lenses.lens"},
        "__init__": FOUNDATION | CORE | {"notebook", "pipeline", "run_folder"},
        "notebook": {"pipeline", "run_folder"},
        "run_folder": FOUNDATION | PLUG | {"lenses", "run_folder"},
        "fingerprints": FOUNDATION,
        "terminal": FOUNDATION,
        "stages": FOUNDATION | CORE | PLUG | {"lenses", "run_folder", "fingerprints", "stages"},
        "pipeline": FOUNDATION
        | CORE
        | PLUG
        | {"each_output", "lenses", "lenses.planted", "run_folder", "fingerprints", "stages"},
        "each_output": FOUNDATION | CORE | {"pipeline", "run_folder", "stages"},
        "cli_errors": {"errors", "progress_lines", "storage"},
        "manual": FOUNDATION
        | PLUG
        | {"__init__", "cli", "lenses", "lenses.gate", "manual", "report", "schema_cli"}
        | {"pipeline", "run_folder", "stages", "terminal"},
        "commands": FOUNDATION | {"annotations", "commands", "run_folder", "stages"},
        "annotations_cli": {"cli_errors", "commands"},
        "changes_cli": {"cli_errors", "lenses.changes", "terminal"},
        "card_cli": {"cli_errors", "run_folder", "stages", "terminal"},
        "check_cli": {"cli_errors", "config", "stages", "terminal"},
        "fiftyone_cli": {"cli_errors", "formatting", "stages", "terminal"},
        "gate_cli": {"cli_errors", "files", "lenses.gate"},
        "schema_cli": {
            "check_cli",
            "cli_errors",
            "config",
            "files",
            "lenses.gate",
            "progress_lines",
            "training_config",
        },
        "preview": FOUNDATION | {"preview"},
        "serve_cli": {"cli_errors", "pipeline", "preview", "terminal"},
        "starting": FOUNDATION | {"stages", "starting", "vision"},
        "init_cli": {"cli_errors", "errors", "slugs", "starting"},
        "pool_cli": {"cli_errors", "lenses.pool", "terminal"},
        "cli": {
            "annotations_cli",
            "card_cli",
            "changes_cli",
            "check_cli",
            "cli_errors",
            "config",
            "errors",
            "fiftyone_cli",
            "gate_cli",
            "init_cli",
            "lenses",
            "pipeline",
            "pool_cli",
            "schema_cli",
            "serve_cli",
            "terminal",
        }
        | {"training_config"},
    }
    assert room in allowed, f"{room} has no place on the import ladder yet"
    assert _own_imports(path) <= allowed[room]


@pytest.mark.parametrize("path", sorted((PACKAGE / "lenses").glob("*/*.py")), ids=_name)
def test_a_lens_imports_no_other_one_but_those_it_needs(path: Path) -> None:
    lens = next(lens for lens in registry.LENSES if lens.name == path.parent.name)
    own = f"lenses.{lens.name}"
    needed = {f"lenses.{name}" for name in lens.needs}
    found = _own_imports(path)
    if path.stem == "__init__":
        assert _imported_at_once(path) <= {"lenses.lens"}, "what a lens needs is imported where it is called"
        return
    allowed = FOUNDATION | {own} | needed | OF_A_LENS[PARTS.get(path.stem, "core")]
    assert found <= allowed


def test_lenses_come_after_those_they_need() -> None:
    names = [lens.name for lens in registry.LENSES]
    assert len(set(names)) == len(names)
    for position, lens in enumerate(registry.LENSES):
        assert set(lens.needs) <= set(names[:position]), lens.name


def test_the_protocol_stays_small() -> None:
    assert len((PACKAGE / "lenses" / "lens.py").read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize("path", _modules(), ids=_name)
def test_heavy_libraries_stay_in_their_rooms(path: Path) -> None:
    for name in _imports(path):
        library = name.split(".")[0]
        assert _room(path) in ONLY_IN.get(library, {_room(path)}), f"{library} imported in {path.name}"


def test_only_the_command_line_prints() -> None:
    for path in _modules():
        calls = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)]
        printing = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"]
        assert not printing or _room(path) == "cli", path
