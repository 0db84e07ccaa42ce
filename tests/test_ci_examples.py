"""The examples for CIs do what they say: their commands run as the services run them, on two small releases.

Stand-ins are the installation, the demo (a run that is ready is copied), `gh`, and a server for GitLab's packages.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
import yaml
from typer.testing import CliRunner

from barlow_report.cli import app
from barlow_report.lenses.gate.policy import load_policy
from tests.lenses.gate.releases import write_releases

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "configs" / "ci"
BASH = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"]

COMMANDS = {
    "pip": "exit 0",
    "barlow-report": """
if [ "$1" = demo ]; then
  while [ "$1" != --run ]; do shift; done
  mkdir -p "$(dirname "$2")"
  exec cp -r "$READY" "$2"
fi
exec "$PYTHON" -c 'from barlow_report.cli import main; main()' "$@"
""",
    "gh": """
echo "$*" >> "$ASSETS/calls"
case "$1 $2" in
  "api --paginate") [ "$4" = --jq ]; exec jq -r "$5" "$ASSETS/releases.json" ;;
  "release download") exec cp "$ASSETS/$3.zip" "$7" ;;
  "release view") exit 1 ;;
  "release create") exit 0 ;;
  "release upload") exec cp "$4" "$ASSETS/$3.zip" ;;
esac
exit 9
""",
}
"""What the stand-ins do, as shell scripts."""

OUTCOMES = [("good", "bad", 0), ("bad", "good", 3), ("good", None, 3)]
"""The new run, the last release, and the exit code of the job: passed, failed, and no verdict in a first release."""


def _read(name: str) -> dict[str, Any]:
    # a workflow's key `on` is a bool in YAML 1.1, which neither service reads
    loaded: dict[str, Any] = yaml.load((EXAMPLES / name).read_text(), Loader=yaml.BaseLoader)  # noqa: S506 - only text
    return loaded


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A good and a bad run, and the exported results of each under its name with .zip."""
    folder = tmp_path_factory.mktemp("releases")
    found = write_releases(folder)
    for name, run in list(found.items()):
        found[f"{name}.zip"] = folder / f"{name}.zip"
        assert CliRunner().invoke(app, ["export-results", str(run), str(found[f"{name}.zip"])]).exit_code == 0
    return found


class _Job:
    """A checkout with the policy, in which the commands of a job run."""

    def __init__(self, folder: Path, *, ready: Path) -> None:
        self.checkout = folder / "checkout"
        self.assets = folder / "assets"
        shutil.copytree(EXAMPLES, self.checkout / "configs" / "ci")
        for made in (self.assets, folder / "bin", folder / "temp"):
            made.mkdir()
        for name, script in COMMANDS.items():
            (folder / "bin" / name).write_text(f"#!/bin/sh\nset -e\n{script}")
            (folder / "bin" / name).chmod(0o755)
        self.summary = folder / "summary.md"
        self.environment = {
            "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PYTHON": sys.executable,
            "HOME": str(folder),
            "READY": str(ready),
            "ASSETS": str(self.assets),
        }

    def bash(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a script as both services do: it ends at the first command that fails."""
        return subprocess.run(
            [*BASH, script],
            cwd=self.checkout,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def github(self) -> int:
        """Run the steps with `run` in order: after one that fails only those with `if: always()`."""
        job = _read("github-actions.yml")["jobs"]["gate"]
        given = {name: value for name, value in job["env"].items() if "${{" not in value} | {
            "GITHUB_REPOSITORY": "me/model",
            "GITHUB_REF_NAME": "v2",
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "RUNNER_TEMP": str(self.checkout.parent / "temp"),
        }
        code = 0
        for step in job["steps"]:
            if "run" in step and (code == 0 or step.get("if") == "always()"):
                code = self.bash(step["run"], **given).returncode or code
        return code

    def gitlab(self, api: str) -> int:
        """Run the job's script, whose lines share one shell."""
        job = _read("gitlab-ci.yml")["gate"]
        given = {"CI_API_V4_URL": api, "CI_PROJECT_ID": "7", "CI_JOB_TOKEN": "secret"}
        values = {
            name: re.sub(r"\$(\w+)", lambda found: given.get(found[1], ""), value)
            for name, value in job["variables"].items()
        }
        return self.bash("\n".join(job["script"]), **given, **values).returncode

    def check_verdict(self, *, code: int, compared: bool) -> None:
        """Every output is there and says the same."""
        verdict = json.loads((self.checkout / "gate" / "gate.json").read_text())
        assert (verdict["exit_code"], verdict["baseline"] is not None) == (code, compared)
        assert verdict["outcome"] == ("passed" if code == 0 else "failed" if compared else "no_verdict")
        cases = Xml.parse(self.checkout / "gate" / "gate.xml")  # noqa: S314 - our own
        assert bool(cases.findall(".//failure") + cases.findall(".//error")) == (code != 0)
        assert (self.checkout / "gate" / "gate.md").read_text().startswith("## ")
        assert (self.checkout / "gate" / "results.zip").is_file()


def _release(tag: str, *assets: str, draft: bool = False, prerelease: bool = False) -> dict[str, Any]:
    return {"tag_name": tag, "draft": draft, "prerelease": prerelease, "assets": [{"name": name} for name in assets]}


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq not found; it stands for the filter in GitHub's gh")
@pytest.mark.parametrize(("new", "last", "code"), OUTCOMES)
def test_on_github_the_job_ends_as_the_gate_does(
    runs: dict[str, Path], tmp_path: Path, new: str, last: str | None, code: int
) -> None:
    job = _Job(tmp_path, ready=runs[new])
    none_of_these = [
        _release("v2", "results.zip"),  # of this release, when the job runs again
        _release("v1.2", "results.zip", draft=True),
        _release("v1.1", "results.zip", prerelease=True),
        _release("v1.0.1", "model.safetensors"),
    ]
    earlier = [_release("v1", "a.txt", "results.zip"), _release("v0", "results.zip")] if last else []
    (job.assets / "releases.json").write_text(json.dumps([*none_of_these, *earlier]))
    if last:
        shutil.copy(runs[f"{last}.zip"], job.assets / "v1.zip")
    assert job.github() == code
    job.check_verdict(code=code, compared=last is not None)
    assert job.summary.read_text() == (job.checkout / "gate" / "gate.md").read_text()
    calls = (job.assets / "calls").read_text()
    assert ("release create v2" in calls, (job.assets / "v2.zip").is_file()) == (code == 0, code == 0)


@pytest.mark.parametrize("broken", ["api", "download"])
def test_on_github_a_baseline_that_cannot_be_fetched_is_an_error(
    runs: dict[str, Path], tmp_path: Path, broken: str
) -> None:
    if broken == "download" and shutil.which("jq") is None:
        pytest.skip("jq not found; it stands for the filter in GitHub's gh")
    job = _Job(tmp_path, ready=runs["good"])
    if broken == "download":
        (job.assets / "releases.json").write_text(json.dumps([_release("v1", "results.zip")]))
    assert job.github() not in (0, 3)
    assert not (job.checkout / "gate" / "gate.json").exists()


class _Packages(ThreadingHTTPServer):
    """GitLab's generic packages, as far as the example needs them: the status of a download, and one file."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _PackagesHandler)
        self.paths: set[tuple[str, str | None]] = set()
        self.stored: bytes | None = None
        self.broken = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/api/v4"


class _PackagesHandler(BaseHTTPRequestHandler):
    server: _Packages

    def do_GET(self) -> None:
        self._answer(500 if self.server.broken else 404 if self.server.stored is None else 200, self.server.stored)

    def do_PUT(self) -> None:
        self.server.stored = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(201, b"{}")

    def _answer(self, status: int, body: bytes | None) -> None:
        self.server.paths.add((self.path, self.headers["JOB-TOKEN"]))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@pytest.fixture
def packages() -> Iterator[_Packages]:
    """A server on this machine."""
    with _Packages() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl not found")


@needs_curl
@pytest.mark.parametrize(("new", "last", "code"), OUTCOMES)
def test_on_gitlab_the_job_ends_as_the_gate_does(
    runs: dict[str, Path], packages: _Packages, tmp_path: Path, new: str, last: str | None, code: int
) -> None:
    before = packages.stored = runs[f"{last}.zip"].read_bytes() if last else None
    job = _Job(tmp_path, ready=runs[new])
    assert job.gitlab(packages.url) == code
    job.check_verdict(code=code, compared=last is not None)
    assert packages.stored == (before if code else (job.checkout / "gate" / "results.zip").read_bytes())
    path = "/api/v4/projects/7/packages/generic/barlow-report/baseline/results.zip"
    assert packages.paths == {(path, "secret")}


@needs_curl
def test_on_gitlab_a_baseline_that_cannot_be_fetched_is_an_error(
    runs: dict[str, Path], packages: _Packages, tmp_path: Path
) -> None:
    packages.broken = True
    job = _Job(tmp_path, ready=runs["good"])
    assert job.gitlab(packages.url) == 1
    assert not (job.checkout / "gate" / "gate.json").exists()


def test_the_workflow_is_one_that_github_reads() -> None:
    workflow = _read("github-actions.yml")
    assert set(workflow) == {"name", "on", "permissions", "jobs"}
    (job,) = workflow["jobs"].values()
    assert set(job) == {"runs-on", "env", "steps"}
    for step in job["steps"]:
        assert set(step) <= {"name", "uses", "with", "run", "if"}
        assert ("run" in step) != ("uses" in step)
        assert re.fullmatch(r"actions/[a-z-]+@v\d+", step.get("uses", "actions/none@v1"))
        assert "${{" not in step.get("run", "")  # what a service fills in would be code of the shell
    (upload,) = [step for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
    assert (upload["if"], upload["with"]["path"]) == ("always()", "gate/")


def test_the_job_is_one_that_gitlab_reads() -> None:
    pipeline = _read("gitlab-ci.yml")
    assert set(pipeline) == {"gate"}
    job = pipeline["gate"]
    assert set(job) == {"image", "rules", "resource_group", "variables", "script", "artifacts"}
    assert all(isinstance(line, str) for line in job["script"])
    assert job["artifacts"] == {"when": "always", "paths": ["gate/"], "reports": {"junit": "gate/gate.xml"}}


def test_both_use_the_policy_that_is_there_and_the_demo() -> None:
    (github,) = _read("github-actions.yml")["jobs"].values()
    gitlab = _read("gitlab-ci.yml")["gate"]
    policies = {github["env"]["POLICY"], gitlab["variables"]["POLICY"]}
    assert policies == {"configs/ci/policy.yaml"}
    assert len(load_policy(ROOT / policies.pop()).conditions) == 3
    steps = [step.get("run", "") for step in github["steps"]]
    for lines in (steps, gitlab["script"]):
        assert len([line for line in lines if line.startswith("barlow-report demo --release 2 --run ")]) == 1
