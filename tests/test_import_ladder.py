"""Who may import whom, read from the source: see "Package" in the README's design decisions."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "barlow_report"
FOUNDATION = {
    "columns",
    "config",
    "delimited",
    "documents",
    "errors",
    "files",
    "formatting",
    "offsets",
    "progress",
    "seals",
    "significance",
    "slugs",
    "tables",
    "training_config",
    "own_code",
    "watching",
}
CORE = {"annotations", "demo", "directions", "report", "rules", "taxonomy", "vision", "visuals"}
ONLY_IN = {
    "torch": {"vision"},
    "torchvision": {"vision"},
    "safetensors": {"vision"},
    "sklearn": {"directions", "rules"},
    "numba": {"rules"},
    "open_clip": {"vision"},
    "jinja2": {"report"},
    "mkdocs": {"report"},
    "matplotlib": {"visuals"},
    "typer": {"annotations_cli", "cli", "cli_errors"},
    "fastapi": {"annotations"},
    "uvicorn": {"annotations"},
    "rich": {"terminal"},
}


def _modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _own_imports(path: Path) -> set[str]:
    return {name.split(".")[1] for name in _imports(path) if name.startswith("barlow_report.")}


@pytest.mark.parametrize("path", _modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_every_module_imports_only_what_is_below_it(path: Path) -> None:
    room = _room(path)
    allowed = {
        **dict.fromkeys(FOUNDATION, FOUNDATION),
        **{name: FOUNDATION | {name} for name in CORE},
        "__init__": FOUNDATION | CORE | {"pipeline"},
        "run_folder": FOUNDATION,
        "fingerprints": FOUNDATION,
        "terminal": FOUNDATION,
        "stages": FOUNDATION | CORE | {"run_folder", "fingerprints", "stages"},
        "pipeline": FOUNDATION | CORE | {"run_folder", "fingerprints", "stages"},
        "cli_errors": {"errors"},
        "annotations_cli": {"cli_errors", "stages"},
        "cli": {"annotations_cli", "cli_errors", "config", "errors", "pipeline", "terminal", "training_config"},
    }
    assert room in allowed, f"{room} has no place on the import ladder yet"
    assert _own_imports(path) <= allowed[room]


@pytest.mark.parametrize("path", _modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_heavy_libraries_stay_in_their_rooms(path: Path) -> None:
    for name in _imports(path):
        library = name.split(".")[0]
        assert _room(path) in ONLY_IN.get(library, {_room(path)}), f"{library} imported in {path.name}"


def test_only_the_command_line_prints() -> None:
    for path in _modules():
        calls = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)]
        printing = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"]
        assert not printing or _room(path) == "cli", path
