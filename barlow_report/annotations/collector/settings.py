"""What a collector is told when it starts."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["CollectorSettings"]


@dataclass(frozen=True, kw_only=True)
class CollectorSettings:
    """Settings of one collector.

    Attributes:
        site: Folder of the site, with a form.
        database: The SQLite file; made if it is not there.
        host: Address to listen on.
        port: Port to listen on; 0 for any free one.
        allowed_hosts: Further names that the collector answers under.
        prolific: Study id, and the completion link that is shown when everything is stored.
        max_body: Bytes of a request, at most.
        body_seconds: How long a request's body may take to arrive.
        rate: Requests per second that one annotator or address may make in the long run.
        burst: Requests it may make at once.
    """

    site: Path
    database: Path
    host: str = "127.0.0.1"
    port: int = 8737
    allowed_hosts: tuple[str, ...] = ()
    prolific: tuple[str, str] | None = None
    max_body: int = 64 * 1024
    body_seconds: float = 10.0
    rate: float = 5.0
    burst: int = 120

    @property
    def host_names(self) -> frozenset[str]:
        """The names that a request may come under, without port, in lower case."""
        local = {"127.0.0.1", "localhost", "[::1]"}
        own = set() if self.host in ("0.0.0.0", "::") else {self.host.lower()}  # noqa: S104 - compared, not bound
        return frozenset(local | own | {name.lower() for name in self.allowed_hosts})
