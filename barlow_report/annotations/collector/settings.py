"""What a collector is told when it starts."""

from dataclasses import dataclass
from pathlib import Path

from barlow_report.annotations.collector.hosts import named_host, network
from barlow_report.errors import DataError

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
        trusted_proxies: Addresses or networks whose X-Forwarded-For is believed.
        prolific: Study id, and the completion link that is shown when everything is stored.
        max_body: Bytes of a request, at most.
        body_seconds: How long a request's body may take to arrive.
        database_seconds: How long a request waits for the database.
        rate: Requests per second that one annotator, or one address without a valid token, may make in the long run.
        burst: Requests it may make at once.

    Raises:
        DataError: A name or an address is not one.
    """

    site: Path
    database: Path
    host: str = "127.0.0.1"
    port: int = 8737
    allowed_hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    prolific: tuple[str, str] | None = None
    max_body: int = 64 * 1024
    body_seconds: float = 10.0
    database_seconds: float = 4.0
    rate: float = 5.0
    burst: int = 120

    def __post_init__(self) -> None:
        for name in self.allowed_hosts:
            if named_host(name) is None:
                raise DataError(
                    f"--allow-host: found {name!r}, expected the name of a host, without scheme, port and path, such "
                    "as study.example.org."
                )
        for name in self.trusted_proxies:
            if network(name) is None:
                raise DataError(
                    f"--trusted-proxy: found {name!r}, expected the address or network that the proxy connects from, "
                    "such as 127.0.0.1 or 10.0.0.0/8."
                )

    @property
    def host_names(self) -> frozenset[str]:
        """The names that a request may come under, without port, in lower case."""
        own = () if self.host in ("0.0.0.0", "::") else (self.host,)  # noqa: S104 - compared, not bound
        names = {named_host(name) for name in (*own, *self.allowed_hosts)}
        return frozenset({"127.0.0.1", "localhost", "[::1]"} | {name for name in names if name})
