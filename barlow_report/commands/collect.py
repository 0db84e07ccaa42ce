"""What `barlow-report annotations invite` and `serve` do: a collector knows a site and a database, no run.

Apart from the other commands, because a server that is started again must be there at once: nothing here reads
tables or loads the libraries for it.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from barlow_report.errors import DataError

__all__ = ["invite", "serve"]


def invite(database: Path, annotators: Sequence[str]) -> Iterator[str]:
    """Yield a line with the token of each annotator."""
    from barlow_report.annotations.collector.places import refuse_in_site
    from barlow_report.annotations.collector.store import Store

    refuse_in_site(database)
    with Store(database) as store:
        for annotator in annotators:
            yield f"{annotator}\tannotate/index.html#token={store.invite(annotator)}"


def serve(
    site: Path,
    database: Path,
    *,
    host: str,
    port: int,
    allowed_hosts: Sequence[str],
    trusted_proxies: Sequence[str],
    prolific_study: str | None,
    prolific_completion: str | None,
    announce: Callable[[str], None],
) -> None:
    """Serve until interrupted; see the command."""
    from barlow_report.annotations.collector import CollectorSettings, run_collector

    settings = CollectorSettings(
        site=site,
        database=database,
        host=host,
        port=port,
        allowed_hosts=tuple(allowed_hosts),
        trusted_proxies=tuple(trusted_proxies),
        prolific=_prolific(prolific_study, prolific_completion),
    )
    run_collector(settings, announce=announce)


def _prolific(study: str | None, completion: str | None) -> tuple[str, str] | None:
    """Study and completion link: both or neither, for without the link nobody is paid."""
    if study is None and completion is None:
        return None
    if not study or not completion:
        given, missing = ("study", "completion") if study else ("completion", "study")
        raise DataError(
            f"--prolific-{given}: found without --prolific-{missing}. Give both: participants are paid for following "
            "the completion link, which is shown when all their answers are stored."
        )
    if urlsplit(completion).scheme != "https" or not urlsplit(completion).netloc:
        raise DataError(
            f"--prolific-completion: found {completion!r}, expected a link that begins with https://. Copy it from the "
            "study's page at Prolific."
        )
    return study, completion
