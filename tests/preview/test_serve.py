"""The preview of a site: it shows the site and nothing else, to this machine alone, and again when the run changes."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from typer.testing import CliRunner

from barlow_report import cli
from barlow_report.errors import OutputError, RunFolderError
from barlow_report.files import SITE_MARKER
from barlow_report.pipeline import site_folder
from barlow_report.preview import PreviewServer, Watcher
from barlow_report.preview.files import find
from barlow_report.preview.server import RELOAD, VERSION
from tests.pipeline.toy import write_task

SECRET = "what lies outside of the site"  # noqa: S105 - no password


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder like a site, with something beside it that nobody may see."""
    folder = tmp_path / "site"
    (folder / "classes" / "a b").mkdir(parents=True)
    (folder / "index.html").write_text("<html><body><p>Overview</p></body></html>")
    (folder / "classes" / "a b" / "index.html").write_text("<p>Class</p></body>")
    (folder / "data.csv").write_text("id\n1\n")
    (folder / SITE_MARKER).write_text('{"files": []}')
    (folder / ".gitignore").write_text("*")
    (tmp_path / "secret.txt").write_text(SECRET)
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "away").symlink_to(tmp_path)
    (folder / "loop").symlink_to(folder / "loop")
    return folder


@pytest.fixture
def server(site: Path) -> Iterator[PreviewServer]:
    """A server of the site, with a version that a test can set."""
    with PreviewServer(site, port=0, version=lambda: "1") as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join(5)
        assert not thread.is_alive()


def _get(
    server: PreviewServer, target: str, *, host: str | None = None, method: str = "GET"
) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    connection.putheader("Host", f"127.0.0.1:{server.server_port}" if host is None else host)
    connection.endheaders()
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text


def _raw(server: PreviewServer, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as connection:
        connection.sendall(request)
        parts = []
        with suppress(ConnectionResetError):
            while part := connection.recv(65536):
                parts.append(part)
        return b"".join(parts)


def test_pages_come_with_the_script_that_shows_them_again_and_files_as_they_are(server: PreviewServer) -> None:
    status, headers, text = _get(server, "/?sort=n#x")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert text == f'<html><body><p>Overview</p><script src="{RELOAD}" defer></script></body></html>'
    assert headers["cache-control"] == "no-store"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"
    status, headers, text = _get(server, "/data.csv")
    assert (status, headers["content-type"], text) == (200, "text/csv; charset=utf-8", "id\n1\n")
    assert _get(server, RELOAD)[1]["content-type"].startswith("text/javascript")
    assert _get(server, VERSION)[2] == "1"


def test_a_folder_leads_to_its_address_with_a_slash_so_that_links_work(server: PreviewServer) -> None:
    status, headers, _ = _get(server, "/classes/a%20b?x=1")
    assert (status, headers["location"]) == (301, "/classes/a%20b/")
    assert "Class" in _get(server, headers["location"])[2]
    assert _get(server, "//classes")[1]["location"] == "/classes/", "never the name of another host"


def test_head_has_the_length_and_no_page(server: PreviewServer) -> None:
    status, headers, text = _get(server, "/data.csv", method="HEAD")
    assert (status, headers["content-length"], text) == (200, "5", "")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT"])
def test_nothing_but_reading_is_answered(server: PreviewServer, method: str) -> None:
    assert _get(server, "/", method=method)[0] == 501


@pytest.mark.parametrize(
    "target",
    [
        "/../secret.txt",
        "/classes/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%5csecret.txt",
        "/classes/%252e%252e/secret.txt",
        "/link.txt",
        "/away/secret.txt",
        "/away",
        "/loop",
        f"/{SITE_MARKER}",
        "/.gitignore",
        "/data.csv%00.html",
        "/data.csv/",
        "/%ff",
        "/" + "a" * 5000,
        "/" + "a/" * 5000,
        "/classes/",
        "/nothing",
        "*",
        "http://127.0.0.1/data.csv",
    ],
)
def test_what_is_not_of_the_site_is_not_found(server: PreviewServer, target: str) -> None:
    status, _, text = _get(server, target)
    assert status == 404
    assert SECRET not in text
    assert RELOAD in text, "a page that a build is about to bring is shown when it is there"


def test_a_path_of_the_system_stays_below_the_site(server: PreviewServer, site: Path) -> None:
    status, _, text = _get(server, f"/{site.parent}/secret.txt")
    assert status == 404
    assert SECRET not in text


@pytest.mark.parametrize(
    "host", ["evil.example:{port}", "evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}", "",
             "127.0.0.1:{port}.evil.example", "localhost:{port}, evil.example"],
)  # fmt: skip
def test_a_name_that_is_not_this_machine_s_own_gets_nothing(server: PreviewServer, host: str) -> None:
    status, _, text = _get(server, "/", host=host.format(port=server.server_port))
    assert status == 421
    assert text == f"Open {server.address} instead.\n"


@pytest.mark.parametrize("host", ["localhost:{port}", "LOCALHOST:{port}", "127.0.0.1:{port}"])
def test_this_machine_s_own_names_are_answered(server: PreviewServer, host: str) -> None:
    assert _get(server, "/", host=host.format(port=server.server_port))[0] == 200


def test_no_host_and_two_hosts_get_nothing(server: PreviewServer) -> None:
    own = f"Host: 127.0.0.1:{server.server_port}\r\n".encode()
    assert _raw(server, b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 421")
    assert _raw(server, b"GET / HTTP/1.1\r\n" + own + b"Host: evil.example\r\n\r\n").startswith(b"HTTP/1.1 421")
    assert b"Overview" not in _raw(server, b"GET /\r\n\r\n")


def test_only_this_machine_can_reach_it(server: PreviewServer) -> None:
    assert server.socket.getsockname()[0] == "127.0.0.1"


def test_a_port_that_is_taken_is_an_error_only_if_it_was_asked_for(
    server: PreviewServer, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OutputError, match=r"cannot be listened on.*Choose another --port"):
        PreviewServer(site, port=server.server_port, version=str)
    monkeypatch.setattr("barlow_report.preview.server.PORT", server.server_port)
    with PreviewServer(site, port=None, version=str) as other:
        assert other.server_port not in (0, server.server_port)


def test_a_site_that_is_gone_is_not_found(tmp_path: Path) -> None:
    assert find(tmp_path / "nowhere", "/") is None


def test_a_run_is_shown_again_when_it_has_changed_and_changes_no_more(tmp_path: Path) -> None:
    run, said, builds = tmp_path / "run", list[str](), list[int]()
    (run / "annotations").mkdir(parents=True)
    (run / "run.json").write_text("{}")
    watcher = Watcher(run, tmp_path / "site", build=lambda: builds.append(1), say=said.append)
    watcher.build()
    assert not watcher.look()
    (run / "annotations" / "batch.json").write_text("{}")
    assert not watcher.look(), "it may be in the middle of being written"
    assert watcher.look()
    assert len(builds) == 2
    (run / "annotations" / "reports.json").write_text("written by the build itself")
    (run / "run.lock").write_text("")
    assert not watcher.look()
    assert not watcher.look()
    assert said == ["Built again; open pages are shown again"]


def test_a_run_that_cannot_be_shown_is_said_once_and_tried_again(tmp_path: Path) -> None:
    run, said = tmp_path / "run", list[str]()
    run.mkdir()
    problems = [RunFolderError("is being computed"), RunFolderError("is being computed"), None]

    def build() -> None:
        if (problem := problems.pop(0)) is not None:
            raise problem

    watcher = Watcher(run, tmp_path / "site", build=build, say=said.append)
    (run / "run.json").write_text("{}")
    assert [watcher.look() for _ in range(5)] == [False, False, False, True, False]
    assert said == ["Not built: is being computed", "Built again; open pages are shown again"]


def test_the_version_is_another_one_after_each_build_by_whomever(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path, tmp_path / "site", build=lambda: None, say=lambda _: None)
    assert watcher.version() == ""
    (tmp_path / "site").mkdir()
    marker = tmp_path / "site" / SITE_MARKER
    marker.write_text("{}")
    first = watcher.version()
    os.utime(marker, (1, 1))
    assert first != watcher.version() != ""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of a small task."""
    quick: dict[str, object] = {"visuals": {"attack": "none", "n_images": 4}}
    config = write_task(tmp_path_factory.mktemp("toy"), n_per_class=60, settings=quick)
    folder = config.parent / "run"
    result = CliRunner().invoke(cli.app, ["visualize", str(config), "--run", str(folder)])
    assert result.exit_code == 0, result.output
    return folder


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_open_page_is_shown_again_and_ctrl_c_ends_it(
    run: Path, tmp_path: Path, browser: Browser, number: signal.Signals
) -> None:
    code = "from barlow_report.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "serve", str(run), "--site", str(tmp_path / "site"), "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        page = browser.new_page()
        page.set_default_timeout(120_000)
        errors: list[str] = []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(address)
        page.evaluate("window.before = true")
        time.sleep(2.5)
        assert page.evaluate("window.before"), "nothing has changed"
        names = run / "annotations" / "names.yaml"
        names.parent.mkdir(exist_ok=True)
        names.write_text(f"names:\n- {{grouping: label, group: red, feature: 1, name: green mark {number.name}}}\n")
        merged = CliRunner().invoke(cli.app, ["annotations", "merge", str(run)])
        assert merged.exit_code == 0, merged.output
        page.wait_for_function("window.before === undefined", timeout=240_000)
        page.wait_for_load_state()
        page.goto(f"{address}classes/red/")
        assert f"green mark {number.name}" in page.content()
        assert errors == []
        process.send_signal(number)
        assert process.wait(120) == 0
        assert process.stderr is not None
        assert process.stderr.read().endswith("Ended.\n")
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_the_default_folder_is_that_of_the_site_command(run: Path) -> None:
    assert site_folder(run) == Path("site") / "toy"
    assert json.loads((run / "run.json").read_text())["name"] == "toy"
