"""Many annotators at once, a killed collector, and a fuzzer: nothing is lost, doubled, or an error of the server."""

import random
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from barlow_report.annotations.answers import parse_answer
from barlow_report.annotations.collector import CollectorSettings
from barlow_report.annotations.collector.app import make_app
from barlow_report.annotations.exchange.database import read_database
from tests.annotations.collecting import collector_site, invite, running
from tests.annotations.people import answer
from tests.annotations.test_collector import BATCH, LINK

N_PEOPLE, N_ANSWERS = 50, 40
ITEMS = [(0, f) for f in range(N_ANSWERS)]


class _Person(threading.Thread):
    """Submits answers one after another, each again and again until it is acknowledged, as the form does."""

    def __init__(self, name: str, url: str, token: str) -> None:
        super().__init__(daemon=True)
        self.person, self.url, self.token = name, url, token
        self.acknowledged: set[str] = set()
        self.n_repeated = 0
        self.wrong: list[int] = []

    def run(self) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        with httpx.Client(base_url=self.url, headers=headers, timeout=20, trust_env=False) as client:
            for item in ITEMS:
                sent = answer(self.person, item=item, short=f"{self.person} {item[1]}")
                while sent["record_id"] not in self.acknowledged:
                    try:
                        status = client.post("/api/annotations", json=sent).status_code
                    except httpx.HTTPError:
                        self.n_repeated += 1
                        time.sleep(0.2 + random.random() / 5)  # noqa: S311 - no secret
                        continue
                    if status in (200, 201):
                        self.acknowledged.add(sent["record_id"])
                    elif status == 429:
                        time.sleep(1)
                    else:
                        self.wrong.append(status)
                        return


@pytest.mark.slow
def test_fifty_people_and_a_kill_in_the_middle_lose_and_double_nothing(tmp_path: Path) -> None:
    site, database, log = collector_site(tmp_path, ITEMS, BATCH), tmp_path / "answers.sqlite", tmp_path / "log"
    tokens = invite(database, *(f"person-{i}" for i in range(N_PEOPLE)))
    with running(site, database, log=log) as first:
        people = [_Person(name, first.url, token) for name, token in tokens.items()]
        for person in people:
            person.start()
        while sum(len(person.acknowledged) for person in people) < N_PEOPLE * N_ANSWERS * 0.4:
            time.sleep(0.05)
        first.kill()
    acknowledged = set().union(*(person.acknowledged for person in people))
    stored = {parse_answer(body).record_id for body in read_database(database)}
    assert acknowledged <= stored
    with running(site, database, port=first.port, log=log) as second:
        for person in people:
            person.join(timeout=120)
        assert [person.wrong for person in people if person.wrong] == []
        assert second.stop() == 0
    assert sum(person.n_repeated for person in people) > 0
    found = Counter(parse_answer(body).record_id for body in read_database(database))
    assert len(found) == N_PEOPLE * N_ANSWERS
    assert set(found.values()) == {1}
    assert set().union(*(person.acknowledged for person in people)) == found.keys()


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The collector's own description of its routes, answered in this process, for somebody with a token."""
    folder = tmp_path_factory.mktemp("fuzzed")
    site, database = collector_site(folder, ITEMS, BATCH), folder / "answers.sqlite"
    token = invite(database, "ada")["ada"]
    options = CollectorSettings(
        site=site, database=database, prolific=("study1", LINK), rate=1e9, burst=10**9, allowed_hosts=("testserver",)
    )
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", make_app(options))
    schema.config.update(headers={"Authorization": f"Bearer {token}"})
    return schema


@pytest.mark.slow
@pytest.mark.parametrize(
    "route", ["GET /api/health", "GET /api/session", "POST /api/annotations", "POST /api/enrol", "POST /api/complete"]
)
def test_a_fuzzer_of_the_schema_finds_no_error_of_the_server(fuzzed: Any, route: str) -> None:
    method, path = route.split()
    assert sum(len(methods) for methods in fuzzed.values()) == 5

    @given(case=fuzzed[path][method].as_strategy())
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    def check(case: Any) -> None:
        # never a 5xx, and only statuses, types and bodies that the description promises; that a record is about this
        # report, or says anything at all, is more than a schema can say
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    check()
