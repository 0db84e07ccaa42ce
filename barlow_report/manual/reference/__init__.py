"""Pages that are made of what the code says of itself: the configuration, the commands, the tables, the functions."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["REFERENCES", "Reference"]


@dataclass(frozen=True)
class Reference:
    """One page.

    Attributes:
        file: Its path in the site.
        title: Its title.
        words: What the contents say of it.
        write: Returns the page, in Markdown.
    """

    file: str
    title: str
    words: str
    write: Callable[[], str]


def _configuration() -> str:
    from barlow_report.manual.reference.configuration import configuration_page

    return configuration_page()


def _commands() -> str:
    from barlow_report.manual.reference.commands import commands_page

    return commands_page()


def _tables() -> str:
    from barlow_report.manual.reference.tables import tables_page

    return tables_page()


def _python() -> str:
    from barlow_report.manual.reference.python import python_page

    return python_page()


REFERENCES = (
    Reference(
        "reference/configuration.md", "Configuration", "every key, what it may be and what it means", _configuration
    ),
    Reference("reference/commands.md", "Commands", "every command, argument and option", _commands),
    Reference("reference/tables.md", "Tables", "every column of every table of a run folder", _tables),
    Reference("reference/python.md", "Python", "functions and classes", _python),
)
