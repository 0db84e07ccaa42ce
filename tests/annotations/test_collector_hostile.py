"""The collector against those who wish it ill, and against a disk and a database that do not answer."""

import asyncio
import json
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from barlow_report.annotations.collector import CollectorSettings, patience
from barlow_report.annotations.collector.app import make_app
from barlow_report.annotations.collector.hosts import host_of, named_host, network, origin_host, peer_of
from barlow_report.annotations.collector.places import refuse_in_site
from barlow_report.annotations.collector.rates import Rates
from barlow_report.annotations.collector.store import Store
from barlow_report.errors import DataError
from barlow_report.files import SITE_MARKER
from tests.annotations.collecting import Collector, collector_site, invite, running
from tests.annotations.people import answer
from tests.annotations.test_collector import BATCH

ITEMS = [(0, f) for f in range(10)]


# --- too many connections, too slow -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Collector, dict[str, str]]]:
    folder = tmp_path_factory.mktemp("hostile")
    site, database = collector_site(folder, ITEMS, BATCH), folder / "answers.sqlite"
    tokens = invite(database, "ada", "bob")
    with running(site, database, log=folder / "log") as collector:
        yield collector, tokens


def test_hundreds_of_connections_that_say_nothing_shut_nobody_out(served: tuple[Collector, dict[str, str]]) -> None:
    collector, tokens = served
    head = b"POST /api/annotations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    said = [b"", b"GET / HT", head, head + b"Content-Length: 100\r\n\r\n", head + b"Content-Length: 9\r\n\r\n{"]
    with ExitStack() as opened:
        for number in range(patience.MAX_CONNECTIONS + 40):
            connection = socket.create_connection(("127.0.0.1", collector.port), timeout=10)
            opened.enter_context(closing(connection))
            connection.sendall(said[number % len(said)])
        start = time.monotonic()
        with collector.client(tokens["ada"]) as client:
            assert client.get("/api/health").json()["status"] == "ok"
            assert client.get("/").status_code == 200
            assert client.post("/api/annotations", json=answer("ada", item=ITEMS[0])).status_code == 201
        assert time.monotonic() - start < patience.WAIT_SECONDS / 2


@contextmanager
def _patient(app: Any) -> Iterator[int]:
    """A server of `app` with our protocol, in this process; gives the port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        config = uvicorn.Config(
            app, http=patience.PatientProtocol, ws="none", lifespan="off", log_config=None, timeout_keep_alive=30
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(timeout=10)


async def _large(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(400):
        await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("WAIT_SECONDS", 0.3), ("_ABORT_SECONDS", 0.6), ("_LOOK_SECONDS", 0.05)):
        monkeypatch.setattr(patience, name, seconds)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("drop", [b"", b"x"], ids=["silent", "dribbling"])
@pytest.mark.parametrize(
    "first",
    [b"", b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n"],
    ids=["nothing", "headers", "body"],
)
def test_who_says_too_little_is_cut_off(first: bytes, drop: bytes) -> None:
    async def short(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    with _patient(short) as port, socket.create_connection(("127.0.0.1", port), timeout=0.05) as connection:
        end = time.monotonic() + 5
        connection.sendall(first)
        while _is_open(connection, drop):
            assert time.monotonic() < end


def _is_open(connection: socket.socket, drop: bytes) -> bool:
    try:
        connection.sendall(drop)
        return connection.recv(65536) != b""
    except TimeoutError:
        return True
    except ConnectionError:
        return False


@pytest.mark.usefixtures("impatient")
def test_who_reads_nothing_is_cut_off() -> None:
    with _patient(_large) as port, socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(1.2)
        n = 0
        try:
            while data := connection.recv(1 << 20):
                n += len(data)
        except ConnectionError:
            pass
        assert n < 400 * 65536


def test_what_is_not_http_is_answered_with_the_same_headers(served: tuple[Collector, dict[str, str]]) -> None:
    with socket.create_connection(("127.0.0.1", served[0].port), timeout=10) as connection:
        connection.sendall(b"\x16\x03\x01 no HTTP\r\n\r\n")
        reply = b"".join(iter(lambda: connection.recv(65536), b""))
    assert reply.startswith(b"HTTP/1.1 400")
    assert b"x-content-type-options: nosniff" in reply.lower()
    assert b"content-security-policy: default-src 'none'" in reply.lower()


# --- too many requests --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("client", "forwarded", "expected"),
    [
        ("203.0.113.5", [], "203.0.113.5"),
        ("203.0.113.5", ["198.51.100.1"], "203.0.113.5"),
        ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["1.1.1.1, 198.51.100.1, 10.2.3.4"], "198.51.100.1"),
        ("127.0.0.1", ["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("::ffff:127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["[2001:db8::5]:80"], "2001:db8::/64"),
        ("2001:db8::1:2:3:4", [], "2001:db8::/64"),
        ("127.0.0.1", ["invented"], "unknown"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("", [], "unknown"),
    ],
)
def test_a_peer_is_who_connects_or_whom_a_trusted_proxy_names(client: str, forwarded: list[str], expected: str) -> None:
    trusted = [net for text in ("127.0.0.1", "10.0.0.0/8") if (net := network(text))]
    assert peer_of(client, forwarded, trusted=trusted) == expected


def test_the_memory_of_who_asked_how_often_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("barlow_report.annotations.collector.rates._MAX_BUCKETS", 50)
    rates = Rates(rate=0, burst=2)
    assert [rates.take("ada") for _ in range(3)] == [True, True, False]
    for number in range(1000):
        rates.take(f"address {number}")
    assert len(rates._buckets) == 50


# --- names of hosts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("localhost", "localhost"), ("LOCALHOST:8737", "localhost"), ("[::1]:80", "[::1]"), ("[0:0::1]", "[::1]"),
        ("localhost.", "localhost."), ("localhost.evil.example", "localhost.evil.example"),
        ("", None), (" localhost", None), ("localhost:", None), ("localhost:99999", None), ("localhost:8x", None),
        ("me@localhost", None), ("localhost@evil.example", None), ("localhost/x", None), ("localhost#", None),
        ("localhost?x", None), ("localhost\\x", None), ("localhost,evil.example", None), ("[::1", None), ("::1", None),
        ("[::1].evil.example", None), ("[::1%25eth0]", None), ("[localhost]", None), ("local\thost", None),
        ("localhost\n", None), ("l\xf6calhost", None), ("localhost:\u0661", None),
    ],
)  # fmt: skip
def test_a_host_is_read_strictly(text: str, host: str | None) -> None:
    assert host_of(text) == host
    assert origin_host(f"http://{text}") == host


@pytest.mark.parametrize("text", ["null", "localhost", "//localhost", "file://localhost", "http:localhost", "http://",
                                  "http://localhost/", "http://a b", "javascript://localhost", "http://http://a",
                                  "http://a http://a", "http://[::1", "http://]", "http://[", "://"])  # fmt: skip
def test_an_origin_of_another_form_is_none(text: str) -> None:
    assert origin_host(text) is None


@pytest.mark.parametrize(
    "origin", ["http://[::1", "http://[", "http://localhost:x", "http://localhost@evil.example", "é"]
)
def test_a_malformed_origin_is_refused_like_a_foreign_one(
    served: tuple[Collector, dict[str, str]], origin: str
) -> None:
    collector, tokens = served
    headers: Any = {"Origin": origin.encode(), "Authorization": f"Bearer {tokens['bob']}"}
    reply = httpx.post(f"{collector.url}/api/annotations", json=answer("bob"), headers=headers, trust_env=False)
    assert (reply.status_code, reply.headers["x-content-type-options"]) == (403, "nosniff")


@pytest.mark.parametrize(
    ("name", "host"),
    [("Study.example.org", "study.example.org"), ("müller.example", "xn--mller-kva.example"), ("fd00::5", "[fd00::5]"),
     ("[fd00::5]", "[fd00::5]"), ("10.0.0.5", "10.0.0.5"), ("https://study.example.org", None), ("*", None),
     ("*.example.org", None), ("study.example.org:443", None), ("", None), ("ö" * 70, None)],
)  # fmt: skip
def test_a_name_that_is_allowed_is_compared_as_browsers_write_it(tmp_path: Path, name: str, host: str | None) -> None:
    assert named_host(name) == host
    if host is None:
        with pytest.raises(DataError, match="--allow-host: found"):
            CollectorSettings(site=tmp_path, database=tmp_path / "x", allowed_hosts=(name,))
    else:
        assert host in CollectorSettings(site=tmp_path, database=tmp_path / "x", allowed_hosts=(name,)).host_names
        assert host in CollectorSettings(site=tmp_path, database=tmp_path / "x", host=name).host_names


@pytest.mark.parametrize("proxy", ["*", "proxy.example.org", "10.0.0.0/99", ""])
def test_a_proxy_is_trusted_by_its_address_only(tmp_path: Path, proxy: str) -> None:
    with pytest.raises(DataError, match="--trusted-proxy: found"):
        CollectorSettings(site=tmp_path, database=tmp_path / "x", trusted_proxies=(proxy,))


# --- a database that does not answer ------------------------------------------------------------------------


Client = Callable[[str], httpx.AsyncClient]


def _asked(
    tmp_path: Path, steps: Callable[[httpx.AsyncClient, Store], Awaitable[None]], *, fails: bool = False
) -> None:
    """Run steps against a collector in this process; it waits for its database only for a moment."""
    site, database = collector_site(tmp_path, ITEMS, BATCH), tmp_path / "answers.sqlite"
    token = invite(database, "ada")["ada"]
    app = make_app(CollectorSettings(site=site, database=database, database_seconds=0.4))
    transport = httpx.ASGITransport(app, raise_app_exceptions=not fails)
    headers = {"Authorization": f"Bearer {token}"}

    async def run() -> None:
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
            await steps(client, app.state.store)

    try:
        asyncio.run(run())
    finally:
        app.state.store.close()


async def _submit(client: httpx.AsyncClient, number: int = 0) -> httpx.Response:
    return await client.post("/api/annotations", json=answer("ada", item=ITEMS[number]))


async def _health(client: httpx.AsyncClient) -> dict[str, Any]:
    start = time.monotonic()
    reply = await client.get("/api/health")
    assert reply.status_code == 200
    assert time.monotonic() - start < 1
    return dict(reply.json())


def test_a_locked_database_is_said_to_be_and_does_not_keep_health_waiting(tmp_path: Path) -> None:
    async def steps(client: httpx.AsyncClient, store: Store) -> None:
        with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            reply, health, page = await asyncio.gather(_submit(client), _health(client), client.get("/"))
            assert (reply.status_code, page.status_code) == (503, 200)
            assert int(reply.headers["retry-after"]) > 0
            assert "not stored" in reply.json()["error"]
            health = await _health(client)
            assert (health["status"], "in use" in health["reason"]) == ("degraded", True)
        assert (await _submit(client)).status_code == 201
        assert (await _health(client)) == {"status": "ok", "records": 1}

    _asked(tmp_path, steps)


def test_health_answers_at_once_where_the_database_never_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(client: httpx.AsyncClient, store: Store) -> None:  # noqa: ARG001
        monkeypatch.setattr(Store, "n_records", lambda self: time.sleep(0.9))  # noqa: ARG005
        for _ in range(2):
            health = await _health(client)
            assert (health["status"], health["records"]) == ("degraded", None)

    _asked(tmp_path, steps)


def test_a_full_disk_is_said_to_be_full_and_nothing_is_acknowledged(tmp_path: Path) -> None:
    async def steps(client: httpx.AsyncClient, store: Store) -> None:
        with store._writer.using() as db:
            db.execute("PRAGMA max_page_count = 1")
        statuses = [(await _submit(client, n)).status_code for n in range(10)]
        assert 507 in statuses
        assert statuses == sorted(statuses)
        assert (await _health(client))["status"] == "degraded"
        assert store.n_records() == statuses.count(201)
        with store._writer.using() as db:
            db.execute("PRAGMA max_page_count = 1000000")
        assert (await _submit(client, 9)).status_code == 201
        assert (await _health(client))["status"] == "ok"

    _asked(tmp_path, steps)


def test_nothing_is_acknowledged_when_the_file_is_not_where_it_was(tmp_path: Path) -> None:
    async def steps(client: httpx.AsyncClient, store: Store) -> None:
        store.path.rename(tmp_path / "elsewhere.sqlite")
        assert (await _submit(client)).status_code == 503
        assert "moved" in (await _health(client))["reason"]
        (tmp_path / "elsewhere.sqlite").rename(store.path)
        assert (await _submit(client)).status_code == 201

    _asked(tmp_path, steps)


def test_an_error_of_the_server_has_the_headers_of_every_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Store, record: Any) -> None:  # noqa: ARG001
        raise ZeroDivisionError

    async def steps(client: httpx.AsyncClient, store: Store) -> None:  # noqa: ARG001
        monkeypatch.setattr(Store, "add", broken)
        reply = await _submit(client)
        assert (reply.status_code, reply.headers["x-content-type-options"]) == (500, "nosniff")
        assert reply.headers["content-type"] == "application/json"

    _asked(tmp_path, steps)


@pytest.mark.parametrize("headers", [
    lambda i: {"Authorization": f"Bearer invented-{i}"},
    lambda i: {"Authorization": "", "X-Forwarded-For": f"10.0.{i}.1"},
    lambda i: {"Authorization": f"Bearer {i}", "X-Forwarded-For": f"10.1.{i}.1, 127.0.0.1", "Forwarded": f"for={i}"},
], ids=["tokens", "addresses", "both"])  # fmt: skip
def test_inventing_tokens_and_addresses_does_not_get_around_the_limit(
    tmp_path: Path, headers: Callable[[int], dict[str, str]]
) -> None:
    async def steps(client: httpx.AsyncClient, store: Store) -> None:  # noqa: ARG001
        statuses = [(await client.get("/api/session", headers=headers(i))).status_code for i in range(140)]
        assert set(statuses) == {401, 429}
        assert (await client.get("/api/session")).status_code == 200  # at the same address, with a valid token

    _asked(tmp_path, steps)


# --- what lies in the site ----------------------------------------------------------------------------------


def test_only_what_a_build_wrote_is_served(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "page.html").write_text("secret")

    async def steps(client: httpx.AsyncClient, store: Store) -> None:  # noqa: ARG001
        site = tmp_path / "site"
        for name in ("export.jsonl", "invitations.txt", "annotate/later.html", ".hidden", "answers.sqlite-wal"):
            (site / name).write_text("secret")
        os.link(tmp_path / "secret.txt", site / "linked.txt")
        (site / "pointing.txt").symlink_to(tmp_path / "secret.txt")
        (site / "folder").symlink_to(tmp_path / "outside")
        names = ["export.jsonl", "invitations.txt", "annotate/later.html", ".hidden", "answers.sqlite-wal",
                 "linked.txt", "pointing.txt", "folder/page.html", ".barlow-report.json", ".gitignore"]  # fmt: skip
        for name in names:
            assert (await client.get(f"/{name}")).status_code == 404, name
        marker = json.loads((site / SITE_MARKER).read_text())  # even listed, a hidden file or a link is not served
        (site / SITE_MARKER).write_text(json.dumps({"files": [*marker["files"], ".hidden", *names[5:8]]}))
        for name in (".hidden", "pointing.txt", "folder/page.html"):
            assert (await client.get(f"/{name}")).status_code == 404, name
        assert (await client.get("/annotate/batch.json")).status_code == 200
        (site / "index.html").unlink()
        (site / "index.html").symlink_to(tmp_path / "secret.txt")
        assert (await client.get("/")).status_code == 404
        (site / SITE_MARKER).write_text("{")
        assert (await client.get("/drawing.svg")).status_code == 404

    _asked(tmp_path, steps)


def test_whatever_a_browser_may_render_comes_with_a_policy(tmp_path: Path) -> None:
    async def steps(client: httpx.AsyncClient, store: Store) -> None:  # noqa: ARG001
        for path in ("drawing.svg", "annotate/batch.json", "nothing.html", "api/health", "api/nothing"):
            headers = (await client.get(f"/{path}")).headers
            assert "sandbox" in headers["content-security-policy"], path
            assert "script-src" not in headers["content-security-policy"], path
            assert headers["x-content-type-options"] == "nosniff"
        assert (await client.get("/drawing.svg")).headers["content-type"] == "image/svg+xml"

    _asked(tmp_path, steps)


def test_a_site_without_a_list_of_its_files_is_to_be_built_again(tmp_path: Path) -> None:
    site = collector_site(tmp_path, ITEMS, BATCH)
    (site / SITE_MARKER).write_text('{"made_by": "barlow-report"}')
    with pytest.raises(DataError, match="build the site again"):
        make_app(CollectorSettings(site=site, database=tmp_path / "answers.sqlite"))
    assert not (tmp_path / "answers.sqlite").exists()


@pytest.mark.parametrize("kind", ["inside", "relative", "link", "folder link", "log", "hard link", "outside link"])
def test_a_database_in_the_site_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    site, outside = collector_site(tmp_path, ITEMS, BATCH), tmp_path / "outside"
    outside.mkdir()
    database = {
        "inside": site / "annotate" / "new" / "answers.sqlite",
        "relative": Path("answers.sqlite"),
        "folder link": outside / "folder" / "answers.sqlite",
        "outside link": site / "answers.sqlite",
    }.get(kind, outside / "answers.sqlite")
    if kind == "relative":
        monkeypatch.chdir(site)
    elif kind == "link":
        database.symlink_to(site / "answers.sqlite")
    elif kind == "folder link":
        (outside / "folder").symlink_to(site / "annotate")
    elif kind == "log":
        (outside / "answers.sqlite-wal").symlink_to(site / "answers.sqlite-wal")
    elif kind == "hard link":
        Store(database).close()
        os.link(database, site / "annotate" / "harmless.bin")
    elif kind == "outside link":
        database.symlink_to(outside / "answers.sqlite")
    with pytest.raises(DataError, match="lies in the site"):
        make_app(CollectorSettings(site=site, database=database))
    if kind != "hard link":
        with pytest.raises(DataError, match="lies in the site"):  # where tokens are made, no site is named
            refuse_in_site(database)
    assert not (site / "answers.sqlite").is_file()


def test_a_database_beside_the_site_is_not_refused(tmp_path: Path) -> None:
    site = collector_site(tmp_path, ITEMS, BATCH)
    for name in ("site.sqlite", "answers.sqlite"):
        make_app(CollectorSettings(site=site, database=tmp_path / name)).state.store.close()
