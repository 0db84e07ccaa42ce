"""The sites that the tests of the report look at, for the pages of lenses; a task with further images."""

from tests.lenses.further import task, toy
from tests.report.conftest import demo, hostile, large, quiet

__all__ = ["demo", "hostile", "large", "quiet", "task", "toy"]
