"""Whether a hub can be reached is asked once, and what was downloaded before is used without it."""

import importlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from barlow_report import hub
from barlow_report.annotations import embeddings
from barlow_report.errors import DataError, ModelError
from barlow_report.hub import asking_hub, why_unreachable
from barlow_report.vision.published import build_timm, build_torchvision
from barlow_report.vision.transformers_models import build_transformers


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses of this machine are asked directly."""
    monkeypatch.setenv("no_proxy", "*")


@contextmanager
def _server(status: int) -> Iterator[str]:
    """A server that answers everything alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/models"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _silence(*, closes: bool) -> Iterator[tuple[str, list[int]]]:
    """A place that accepts connections and says nothing, or closes them at once; and the connections it had."""
    place = socket.create_server(("127.0.0.1", 0))
    seen: list[int] = []
    held: list[socket.socket] = []

    def listen() -> None:
        while True:
            try:
                connection, _ = place.accept()
            except OSError:
                return
            seen.append(1)
            held.append(connection)
            if closes:
                connection.close()

    threading.Thread(target=listen, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{place.getsockname()[1]}", seen
    finally:
        place.close()
        for connection in held:
            connection.close()


@pytest.fixture
def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as place:
        port = place.getsockname()[1]
    return f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("status", [200, 403, 404, 503])
def test_any_answer_is_one(status: int) -> None:
    with _server(status) as url:
        assert why_unreachable(url) is None


def test_a_place_that_refuses_breaks_off_or_is_silent_says_why_after_one_try(
    closed_port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert why_unreachable(f"{closed_port}/x") == f"{closed_port[7:]} cannot be reached: Connection refused"
    with _silence(closes=True) as (url, seen):
        assert f"{url[7:]} cannot be reached: " in str(why_unreachable(url))
        assert seen == [1]
    monkeypatch.setattr(hub, "TIMEOUT", 0.2)
    with _silence(closes=False) as (url, seen):
        assert why_unreachable(url) == f"{url[7:]} does not answer within 0.2 seconds"
        assert seen == [1]


def test_what_is_no_address_of_the_web_is_not_asked() -> None:
    assert why_unreachable("file:///etc/hosts") is None


def test_without_a_hub_its_libraries_look_at_their_files_alone(
    closed_port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    constants: Any = importlib.import_module("huggingface_hub.constants")
    monkeypatch.setattr(constants, "ENDPOINT", closed_port)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with asking_hub() as reason:
        assert "Connection refused" in str(reason)
        assert constants.HF_HUB_OFFLINE
    assert not constants.HF_HUB_OFFLINE
    with _server(200) as url, asking_hub() as reason:
        monkeypatch.setattr(constants, "ENDPOINT", url)
        assert constants.HF_HUB_OFFLINE is (reason is not None)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with asking_hub() as reason:
        assert reason is None  # somebody has decided already
    assert constants.HF_HUB_OFFLINE


def test_models_that_were_never_downloaded_are_an_error_after_one_try(monkeypatch: pytest.MonkeyPatch) -> None:
    constants: Any = importlib.import_module("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with _silence(closes=True) as (url, seen):
        monkeypatch.setattr(constants, "ENDPOINT", url)
        with pytest.raises(ModelError, match=r"resnet18\.a1_in1k failed \(127\.0\.0\.1.* cannot be reached.*'weights'"):
            build_timm("resnet18.a1_in1k", {}, pretrained=True, download=True, where="model")
        assert seen == [1]
        with pytest.raises(ModelError, match=r"the hub gave no model \(127\.0\.0\.1.* cannot be reached"):
            build_transformers("nobody/such-a-model", {}, where="model")
        assert seen == [1, 1]


def test_torchvision_s_weights_are_asked_for_once_unless_they_are_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    asked: list[str] = []

    def never(url: str) -> str:
        asked.append(url)
        return "download.pytorch.org cannot be reached: no network"

    monkeypatch.setattr("barlow_report.vision.published.why_unreachable", never)
    with pytest.raises(ModelError, match=r"resnet18 failed \(download\.pytorch\.org cannot be reached.*Fetch https"):
        build_torchvision("resnet18", {}, pretrained=True, download=True, where="model")
    assert len(asked) == 1
    file = tmp_path / "hub" / "checkpoints" / asked[0].rpartition("/")[2]
    file.parent.mkdir(parents=True)
    file.write_bytes(b"damaged")
    with pytest.raises(ModelError, match="failed"):
        build_torchvision("resnet18", {}, pretrained=True, download=True, where="model")
    assert len(asked) == 1


def test_a_sentence_model_says_that_the_hub_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    class Library:
        @staticmethod
        def SentenceTransformer(*_: object, **__: object) -> object:  # noqa: N802 - the library's name
            raise OSError("Couldn't connect")

    @contextmanager
    def asking() -> Iterator[str]:
        yield "hub.test cannot be reached: no network"

    monkeypatch.setattr(embeddings, "import_module", lambda _: Library)
    monkeypatch.setattr(embeddings, "asking_hub", asking)
    with pytest.raises(DataError, match=r"'all-mini' cannot be loaded \(hub\.test cannot be reached"):
        embeddings._sentence_vectors(["a mug"], model="all-mini")
