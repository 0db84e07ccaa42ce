"""A real collector in a process of its own, and somebody who talks to it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from barlow_report.annotations.collector.store import Store
from barlow_report.files import SITE_MARKER

__all__ = ["Collector", "collector_site", "invite", "running"]


class Collector:
    """A running collector."""

    def __init__(self, process: "subprocess.Popen[str]", url: str, log: Path) -> None:
        self.process, self.url, self.log = process, url, log
        self.port = int(url.rpartition(":")[2])

    def client(self, token: str | None = None, **headers: str) -> httpx.Client:
        """A client with an annotator's token."""
        own = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers={**own, **headers}, timeout=30, trust_env=False)

    def kill(self) -> None:
        """Pull the plug."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Ask it to stop and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


@contextmanager
def running(
    site: Path, database: Path, *, port: int = 0, log: Path, options: tuple[str, ...] = ()
) -> Iterator[Collector]:
    """Start a collector on a free local port and stop it at the end, whatever happens."""
    command = [sys.executable, "-c", "from barlow_report.cli import main; main()", "annotations", "serve"]
    command += ["--site", str(site), "--database", str(database), "--port", str(port), *options]
    with log.open("a") as file:
        process = subprocess.Popen(command, stderr=file, text=True, env={**os.environ, "PYTHONWARNINGS": "default"})
        try:
            yield Collector(process, _address(process, log), log)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def _address(process: "subprocess.Popen[str]", log: Path) -> str:
    n_before = len(re.findall(r"Collecting on", log.read_text()))
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and process.poll() is None:
        found = re.findall(r"Collecting on (http://[^/]+)/", log.read_text())
        if found and _answers(found[-1]):
            return str(found[-1])
        time.sleep(0.1)
    raise RuntimeError(f"the collector did not start ({n_before} before): {log.read_text()[-2000:]}")


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api/health", timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def invite(database: Path, *names: str) -> dict[str, str]:
    """A token for each pseudonym."""
    with Store(database) as store:
        return {name: store.invite(name) for name in names}


def collector_site(folder: Path, items: list[tuple[int, int]], batch: dict[str, Any]) -> Path:
    """A site with a form's batch and a page, small enough to be made for each test."""
    site = folder / "site"
    (site / "annotate").mkdir(parents=True)
    listed = [{"group_id": g, "feature_id": f} for g, f in items]
    (site / "annotate" / "batch.json").write_text(json.dumps({**batch, "items": listed}))
    (site / "index.html").write_text("<!doctype html><script>var a = 1</script><script src=x.js></script><p>hello")
    (site / "drawing.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    built = [path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()]
    (site / SITE_MARKER).write_text(json.dumps({"files": built}))
    (folder / "secret.txt").write_text("secret")
    return site
