"""The collector as it runs: a process of its own, on a free port of the loopback."""

import json
import socket
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from barlow_report.annotations.collector.store import ConflictError, Store
from barlow_report.annotations.exchange.database import read_database
from barlow_report.errors import DataError
from tests.annotations.collecting import Collector, collector_site, invite, running
from tests.annotations.people import MODEL, REPORT, answer, record
from tests.report.synthetic import PAYLOADS

ITEMS = [(0, f) for f in range(60)]
BATCH = {
    "schema_version": 1,
    "batch_id": "0123456789ab",
    "report_id": REPORT,
    "feature_model": MODEL,
    "n_people": 5,
    "part_size": 2,
    "selection": {"choice": "rules"},
}
PROLIFIC = {"prolific_pid": "5f0123456789abcdef012345", "study_id": "study1", "session_id": "session1"}
LINK = "https://app.example.org/complete?cc=ABC"


class Running:
    """What the tests share: one collector, its database and two tokens."""

    def __init__(self, collector: Collector, database: Path, tokens: dict[str, str]) -> None:
        self.collector, self.database, self.tokens = collector, database, tokens
        self.url = collector.url

    def client(self, name: str | None = "ada", **headers: str) -> httpx.Client:
        return self.collector.client(self.tokens[name] if name else None, **headers)

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in read_database(self.database)]


PATIENT = tuple(f"dan{i}" for i in range(4))  # several people, so that nobody asks too often


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("served")
    site, database = collector_site(folder, ITEMS, BATCH), folder / "answers.sqlite"
    tokens = invite(database, "ada", "bob", "cyd", *PATIENT)
    options = ("--prolific-study", "study1", "--prolific-completion", LINK, "--allow-host", "study.example.org")
    with running(site, database, log=folder / "log", options=options) as collector:
        yield Running(collector, database, tokens)


# --- what it is for -----------------------------------------------------------------------------------------


def test_a_submission_is_stored_once_however_often_it_is_sent(served: Running) -> None:
    with served.client() as client:
        sent = answer("ada", item=ITEMS[0])
        assert client.post("/api/annotations", json=sent).status_code == 201
        again = client.post("/api/annotations", json=sent)
        assert (again.status_code, again.json()["outcome"]) == (200, "unchanged")
        assert client.post("/api/annotations", json={**sent, "revision": 2, "n_pastes": 1}).status_code == 201
        clash = client.post("/api/annotations", json={**sent, "n_pastes": 7})
        assert (clash.status_code, "other answers" in clash.json()["error"]) == (409, True)
    assert sum(body["record_id"] == sent["record_id"] for body in served.bodies()) == 2


def test_a_session_gives_back_what_was_submitted_last(served: Running) -> None:
    with served.client("bob") as client:
        for revision in (1, 2):
            client.post(
                "/api/annotations", json=answer("bob", item=ITEMS[1], revision=revision, short=f"take {revision}")
            )
        session = client.get("/api/session").json()
    assert session["annotator"] == "bob"
    assert [r["answers"]["short"] for r in session["records"]] == ["take 2"]


def test_the_site_is_served_with_a_policy_that_lets_only_known_inline_scripts_run(served: Running) -> None:
    page = httpx.get(f"{served.url}/", trust_env=False)
    assert "hello" in page.text
    policy = page.headers["content-security-policy"]
    assert "'unsafe-inline'" not in policy.partition("style-src")[0]
    assert policy.count("'sha256-") == 1
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "BARLOW_COLLECTOR" in httpx.get(f"{served.url}/data/collector.js", trust_env=False).text
    assert httpx.get(f"{served.url}/api/health", trust_env=False).json()["status"] == "ok"


def test_prolific_participants_get_the_completion_link_only_when_everything_is_stored(served: Running) -> None:
    with served.client(None) as client:
        enrolled = client.post("/api/enrol", json=PROLIFIC).json()
    assert enrolled["annotator"].startswith("prolific-")
    mine = ITEMS[enrolled["part"] * 2 : enrolled["part"] * 2 + 2]
    with served.collector.client(enrolled["token"]) as client:
        for i, item in enumerate(mine):
            early = client.post("/api/complete", json={})
            assert early.status_code == 409
            assert f"{2 - i} of 2" in early.json()["error"]
            assert LINK not in early.text
            client.post("/api/annotations", json=answer(enrolled["annotator"], item=item))
        assert client.post("/api/complete", json={}).json() == {"completion": LINK}
    assert PROLIFIC["prolific_pid"].encode() not in served.database.read_bytes()
    with served.client(None) as client:  # the same person again is the same annotator, another one gets another part
        assert client.post("/api/enrol", json=PROLIFIC).json()["annotator"] == enrolled["annotator"]
        other = client.post("/api/enrol", json={**PROLIFIC, "prolific_pid": "60aaaaaaaaaaaaaaaaaaaaaa"}).json()
        assert other["part"] != enrolled["part"]
        assert client.post("/api/enrol", json={**PROLIFIC, "study_id": "another"}).status_code == 403


# --- what it refuses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, "wrong", "é", "x" * 9000, "' OR 1=1 --"])
def test_without_a_valid_token_nothing_is_taken(served: Running, token: str | None) -> None:
    headers = {} if token is None else {b"Authorization": f"Bearer {token}".encode()}
    reply = httpx.post(f"{served.url}/api/annotations", json=answer("ada"), headers=headers, trust_env=False)
    assert reply.status_code == 401
    assert httpx.get(f"{served.url}/api/session", headers=headers, trust_env=False).status_code == 401


def test_a_token_speaks_for_its_annotator_only(served: Running) -> None:
    with served.client("ada") as client:
        assert client.post("/api/annotations", json=answer("bob", item=ITEMS[5])).status_code == 403
        stolen = {**answer("ada", item=ITEMS[5]), "record_id": answer("bob", item=ITEMS[1])["record_id"]}
        with served.client("bob") as bob:
            bob.post("/api/annotations", json=answer("bob", item=ITEMS[1]))
        assert client.post("/api/annotations", json=stolen).status_code == 409


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "localhost.evil.example", "127.0.0.2"])
def test_another_host_name_is_refused(served: Running, host: str) -> None:
    with served.client(Host=host) as client:
        assert client.get("/api/health").status_code in (400, 421)
        assert client.get("/").status_code in (400, 421)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "study.example.org", "STUDY.example.org:443"])
def test_its_own_names_are_answered(served: Running, name: str) -> None:
    with served.client(Host=name) as client:
        assert client.get("/api/health").status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "file://"}, 403),
        ({"Origin": "http://127.0.0.1.evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://localhost:1"}, 201),
        ({"Origin": "https://study.example.org", "Sec-Fetch-Site": "same-origin"}, 201),
    ],
)
def test_submissions_from_other_sites_are_refused(served: Running, headers: dict[str, str], status: int) -> None:
    sent = answer("cyd", item=ITEMS[abs(hash(str(headers))) % 50])
    with served.client("cyd", **headers) as client:
        reply = client.post("/api/annotations", json=sent)
        assert reply.status_code == status or (status == 201 and reply.status_code == 200)


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp", "", "text/json"],
)
def test_only_json_is_taken(served: Running, kind: str) -> None:
    with served.client(**{"Content-Type": kind}) as client:
        assert client.post("/api/annotations", content=json.dumps(answer("ada"))).status_code == 415


def test_a_large_body_is_refused_announced_or_not(served: Running) -> None:
    body = json.dumps(answer("ada", item=ITEMS[0])).encode() + b" " * 65536
    with served.client(**{"Content-Type": "application/json"}) as client:
        assert client.post("/api/annotations", content=body).status_code == 413
        chunks = (body[i : i + 4096] for i in range(0, len(body), 4096))
        assert client.post("/api/annotations", content=chunks).status_code == 413
        assert client.get("/api/health").status_code == 200


def test_a_record_that_is_wrong_is_refused_with_every_reason(served: Running) -> None:
    wrong = answer("ada", fields={"revision": 0, "answers": {"short": "x", "ease": 9}})
    with served.client() as client:
        reply = client.post("/api/annotations", json=wrong)
        assert reply.status_code == 422
        assert len(reply.json()["reasons"]) == 2
        assert client.post("/api/annotations", json=answer("ada", item=(7, 7))).status_code == 422
        other = answer("ada", item=ITEMS[0], fields={"report_id": "ff"})
        assert "another report" in client.post("/api/annotations", json=other).json()["error"]


RAW = (
    b"", b"null", b"[]", b"{", b"{}", b'"x"', b"0", b"NaN", b"[" * 60_000, b"{" * 5000, b"\xff\xfe", b"\x00" * 100,
    b'{"answers": {"short": "\\ud800"}}', b'{"revision": 1e999}', b'{"revision": ' + b"9" * 5000 + b"}",
    b'{"a": ' * 1000 + b"1" + b"}" * 1000, b'{"answers": NaN}', b"--boundary\r\n", b"<xml/>", b"%00", b"\xef\xbb\xbf{}",
)  # fmt: skip


@pytest.mark.parametrize("body", RAW, ids=range(len(RAW)))
def test_bytes_that_are_no_record_are_refused_and_never_an_error_of_the_server(served: Running, body: bytes) -> None:
    for route in ("annotations", "enrol"):
        with served.client(PATIENT[0], **{"Content-Type": "application/json"}) as client:
            reply = client.post(f"/api/{route}", content=body)
        assert reply.status_code in (400, 413, 422)
        assert reply.headers["content-type"] == "application/json"
        assert reply.json()["reasons"]


@pytest.mark.parametrize(("number", "payload"), list(enumerate(PAYLOADS)))
def test_hostile_texts_are_kept_as_text_and_come_back_as_json(served: Running, number: int, payload: str) -> None:
    who = PATIENT[number % len(PATIENT)]
    with served.client(who) as client:
        reply = client.post("/api/annotations", json=answer(who, item=ITEMS[number], short=payload[:100], long=payload))
        assert reply.status_code in (200, 201, 422)
        session = client.get("/api/session")
    assert session.headers["content-type"] == "application/json"
    assert session.headers["x-content-type-options"] == "nosniff"
    fields = {"annotator": payload, "record_id": payload, "answers": {"short": "x", "relation": payload}}
    with served.client(who) as client:
        assert client.post("/api/annotations", json=answer(who, fields=fields)).status_code == 422


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/annotate/../../secret.txt", "/nothing.html",
        "/.barlow-report.json", "/index.html%00.js", "//etc/passwd", "/etc/passwd", "/C:/x", "/\\..\\secret.txt",
        "/annotate/%252e%252e/%252e%252e/secret.txt", "/api/nothing", "/api/../secret.txt", "/%00", "/" + "a" * 3000,
    ],
)  # fmt: skip
def test_nothing_outside_the_site_is_served(served: Running, path: str) -> None:
    with socket.create_connection(("127.0.0.1", served.collector.port), timeout=20) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        reply = b"".join(iter(lambda: connection.recv(65536), b""))
    assert reply.split(b" ", 2)[1] in (b"404", b"400", b"431", b"414")
    assert b"secret" not in reply.split(b"\r\n\r\n", 1)[1]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(served: Running, method: str) -> None:
    with served.client(**{"Content-Type": "application/json"}) as client:
        for path in ("/api/annotations", "/api/session", "/index.html"):
            assert client.request(method, path).status_code in (404, 405)


def test_the_log_says_what_happened_and_nothing_about_people(served: Running) -> None:
    with served.client("ada") as client:
        client.post("/api/annotations", json=answer("ada", item=ITEMS[9], short="unmistakable words"))
        client.get("/annotate/index.html?PROLIFIC_PID=5f0123456789abcdef012345")
    text = served.collector.log.read_text()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert any(line.get("route") == "/api/annotations" and line.get("status") == 201 for line in lines)
    assert all(line["level"] != "error" for line in lines)
    for secret in ("unmistakable", "5f0123456789abcdef012345", '"ada"', "127.0.0.1:", *served.tokens.values()):
        assert secret not in "\n".join(line for line in text.splitlines() if line.startswith("{")), secret


def test_somebody_who_asks_too_often_is_slowed_down_and_others_are_not(served: Running) -> None:
    with served.client(None, Authorization="Bearer nobody") as client:
        assert client.get("/api/session").status_code == 401
        assert any(client.get("/api/session").status_code == 429 for _ in range(300))
    with served.client("bob") as client:
        assert client.get("/api/session").status_code == 200


# --- starting and stopping ----------------------------------------------------------------------------------


def test_what_was_acknowledged_survives_a_kill_and_a_stop_is_orderly(tmp_path: Path) -> None:
    site, database = collector_site(tmp_path, ITEMS, BATCH), tmp_path / "answers.sqlite"
    tokens = invite(database, "ada")
    with running(site, database, log=tmp_path / "log") as collector:
        with collector.client(tokens["ada"]) as client:
            assert client.post("/api/annotations", json=answer("ada", item=ITEMS[0])).status_code == 201
        collector.kill()
    with running(site, database, log=tmp_path / "log") as collector:
        with collector.client(tokens["ada"]) as client:
            assert len(client.get("/api/session").json()["records"]) == 1
            assert client.post("/api/annotations", json=answer("ada", item=ITEMS[1])).status_code == 201
        assert collector.stop() == 0
    assert not database.with_name(f"{database.name}-wal").exists()
    assert len(list(read_database(database))) == 2
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_database_of_something_else_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE mine (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(DataError, match="not one of the collector"):
        Store(path)
    assert path.read_bytes() == before
    (tmp_path / "text").write_text("hello")
    with pytest.raises(DataError, match="not a database"):
        Store(tmp_path / "text")
    with pytest.raises(DataError, match="not found"):
        Store(tmp_path / "nothing", must_exist=True)


def test_forgetting_somebody_leaves_no_trace_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    with Store(path) as store:
        store.invite("ada")
        store.add(record("ada", short="unmistakable words"))
        store.add(record("bob", item=(0, 1)))
        assert store.forget("ada") == 1
        assert store.forget("ada") == 0
    assert b"unmistakable" not in path.read_bytes()
    assert len(list(read_database(path))) == 1


def test_the_store_names_what_contradicts_it(tmp_path: Path) -> None:
    with Store(tmp_path / "answers.sqlite") as store:
        assert store.add(record("ada")) == "stored"
        assert store.add(record("ada")) == "unchanged"
        with pytest.raises(ConflictError, match="next revision"):
            store.add(record("ada", short="other"))
        with pytest.raises(ConflictError, match="belongs to another"):
            store.add(record("ada", item=(0, 1)).model_copy(update={"record_id": record("ada").record_id}))
        with pytest.raises(DataError, match="pseudonym"):
            store.invite("Ada Lovelace")


def test_the_database_is_readable_by_nobody_else(tmp_path: Path) -> None:
    with Store(tmp_path / "answers.sqlite") as store:
        store.invite("ada")
    assert stat.S_IMODE((tmp_path / "answers.sqlite").stat().st_mode) & 0o077 == 0
