"""The sites that the tests of the report look at, for the pages of lenses."""

from tests.report.conftest import demo, hostile, large, quiet

__all__ = ["demo", "hostile", "large", "quiet"]
