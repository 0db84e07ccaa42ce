"""The page of a run folder's tables, from the schemas that check them."""

from barlow_report.lenses import registry
from barlow_report.manual.reference.marking import code, definitions, heading, inline
from barlow_report.tables import TABLES, Column, Table

__all__ = ["tables_page"]

_INTRODUCTION = """# Tables

Every table of a run folder, made from the schemas that check them when they are written and read. Each is a Parquet
file of its name, which `barlow_report.Run.open("runs/my-model").table("rules")` or any other program reads.
A failure is never a column: it is `prediction != label`.
"""
_TYPES = {"int": "whole number", "float": "number", "text": "text", "bool": "true or false"}


def tables_page() -> str:
    """Return the page, in Markdown."""
    parts = [_INTRODUCTION, heading(2, "Of every run", "of-every-run")]
    parts += [_table(table) for table in TABLES.values()]
    for lens in registry.LENSES:
        if tables := tuple(lens.tables()):
            name = lens.key or lens.name
            parts.append(heading(2, f"Of `{name}`", f"of-{name}"))
            parts += [_table(table) for table in tables]
    return "\n".join(parts)


def _table(table: Table) -> str:
    key = f"<p>{inline(table.meaning[:1].upper() + table.meaning[1:])}. One row for each {_listed(table.key)}.</p>\n"
    columns = (("", column.name, _kind(column), inline(column.meaning)) for column in table.columns)
    return f"{heading(3, f'`{table.name}`', table.name)}\n{key}{definitions(columns)}"


def _kind(column: Column) -> str:
    allowed = " or ".join(code(value) for value in column.allowed)
    return f"{allowed or _TYPES[column.type]}{', or no value' if column.nullable else ''}"


def _listed(names: tuple[str, ...]) -> str:
    shown = [code(name) for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
