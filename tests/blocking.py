"""Start Python where a library cannot be imported."""

__all__ = ["without"]


def without(library: str) -> str:
    """Return code that makes every import of `library` fail, to run before anything else."""
    return f"""
import sys
class _Blocked:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] == {library!r}:
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, _Blocked())
"""
