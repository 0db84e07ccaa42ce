"""The command line: what it says, what it needs, and that it is installed whole."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import barlow_report
from barlow_report import cli
from tests.blocking import without
from tests.pipeline.toy import write_task

ROOT = Path(__file__).resolve().parents[1]
WITHOUT_TORCH = without("torch") + "from barlow_report.cli import main; main()"


def _python(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *(str(a) for a in arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_help_names_every_command_and_needs_no_torch(tmp_path: Path) -> None:
    result = _python("-c", WITHOUT_TORCH, "--help", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    for command in ("demo", "run", "extract", "explain", "visualize", "site", "train-robust"):
        assert command in result.stdout


def test_nothing_heavy_is_imported_for_help(tmp_path: Path) -> None:
    code = "import sys, barlow_report.cli; print(sorted({'torch', 'pandas', 'sklearn', 'mkdocs'} & sys.modules.keys()))"
    assert _python("-c", code, cwd=tmp_path).stdout.strip() == "[]"


def test_the_version_is_the_package_s() -> None:
    result = CliRunner().invoke(cli.app, ["--version"])
    assert result.output.split() == ["barlow-report", barlow_report.__version__]


def test_a_shell_completes_the_names_of_commands() -> None:
    words = {"COMP_WORDS": "barlow-report att", "COMP_CWORD": "1", "_BARLOW_REPORT_COMPLETE": "complete_bash"}
    result = CliRunner().invoke(cli.app, [], prog_name="barlow-report", env=words)
    assert result.output.split() == ["attributes"]


def test_a_wrong_option_is_a_usage_error() -> None:
    assert CliRunner().invoke(cli.app, ["run", "--no-such-option"]).exit_code == 2


def test_an_error_is_one_message_and_debug_adds_the_traceback(tmp_path: Path) -> None:
    arguments = ["run", str(tmp_path / "nowhere.yaml")]
    plain = CliRunner().invoke(cli.app, arguments)
    assert plain.exit_code == 1
    assert "Error: " in plain.output
    assert "Traceback" not in plain.output
    assert "Traceback" in CliRunner().invoke(cli.app, [*arguments, "--debug"]).output


def test_a_bug_asks_for_a_report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("barlow_report.config.load_config", fail)
    result = CliRunner().invoke(cli.app, ["run", str(tmp_path)])
    assert result.exit_code == 1
    assert "This is a bug of barlow-report" in result.output
    assert "Traceback" not in result.output


@pytest.fixture(scope="module")
def toy_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small finished task: toy.yaml, run/ and site/."""
    config = write_task(tmp_path_factory.mktemp("toy"), n_per_class=60)
    folder = config.parent
    result = CliRunner().invoke(
        cli.app, ["run", str(config), "--run", str(folder / "run"), "--site", str(folder / "site")]
    )
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(folder / "site" / "index.html")
    return folder


@pytest.mark.slow
def test_the_site_is_built_without_torch_images_and_models(toy_run: Path, tmp_path: Path) -> None:
    images = toy_run / "images"
    images.rename(tmp_path / "away")
    try:
        result = _python("-c", WITHOUT_TORCH, "site", toy_run / "run", "--site", tmp_path / "site", cwd=tmp_path)
    finally:
        (tmp_path / "away").rename(images)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "site" / "index.html").read_bytes() == (toy_run / "site" / "index.html").read_bytes()


def test_the_default_folders_are_runs_and_site(toy_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli.app, ["explain", str(toy_run / "toy.yaml")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "runs" / "toy" / "rules.parquet").is_file()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of a built wheel, installed in a new environment.

    The wheel's dependencies are taken from this environment by a path entry, which does not see the checkout.
    """
    folder = tmp_path_factory.mktemp("wheel")
    build = _python("-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    assert build.returncode == 0, build.stderr
    environment = folder / "environment"
    assert _python("-m", "venv", environment, cwd=folder).returncode == 0
    (wheel,) = folder.glob("*.whl")
    python = environment / "bin" / "python"
    install = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel], capture_output=True, check=False
    )
    assert install.returncode == 0, install.stderr
    (site_packages,) = environment.glob("lib/python*/site-packages")
    (dependencies,) = {p for p in map(Path, sys.path) if (p / "typer").is_dir()}
    (site_packages / "dependencies.pth").write_text(f"{dependencies}\n")
    where = subprocess.run(
        [python, "-c", "import barlow_report; print(barlow_report.__file__)"],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert where.stdout.startswith(str(environment))
    return environment / "bin" / "barlow-report"


@pytest.mark.slow
def test_an_installed_wheel_builds_the_same_site_from_any_folder(
    installed: Path, toy_run: Path, tmp_path: Path
) -> None:
    subprocess.run([installed, "site", toy_run / "run", "--site", "elsewhere"], cwd=tmp_path, check=True)
    assert (tmp_path / "elsewhere" / "index.html").read_bytes() == (toy_run / "site" / "index.html").read_bytes()


@pytest.mark.slow
def test_the_demo_of_an_installed_wheel_finds_what_was_planted(installed: Path, tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    result = subprocess.run(
        [installed, "demo"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    index = Path(result.stdout.strip())
    assert index == (tmp_path / "site" / "demo" / "index.html")
    assert index.is_file()

    from barlow_report.run_folder import Run

    planted = Run.open(tmp_path / "runs" / "demo").read_table("planted")
    with_cue = planted[planted["cue"] != ""]
    assert len(with_cue) >= 5
    assert (with_cue["outcome"] == "found").mean() >= 0.8
    assert (with_cue.loc[with_cue["outcome"] == "found", "agreement"] >= 0.9).all()
    noisy = planted[planted["label_noise"] != ""]
    assert (noisy["outcome"] == "found").all()
    assert (noisy["n_noise_recognised"] == noisy["n_noise_failures"]).all()
    without = planted[(planted["cue"] == "") & (planted["label_noise"] == "")]
    assert len(without) == 7
    assert (without["n_verified"] == 0).all()

    run = Run.open(tmp_path / "runs" / "demo")
    true = run.read_table("true_effects")
    cues, decoys = true[true["kind"] == "cue"], true[true["kind"] == "decoy"]
    assert len(cues) == 2 * len(with_cue)
    assert len(decoys) == 4
    assert (cues["effect"] >= 0.9).all()
    assert (decoys["effect"].abs() <= 0.1).all()
    estimated = cues.merge(run.read_table("causes"), on=["rule_id", "position", "direction"], suffixes=("_true", ""))
    assert (estimated["verdict"] == "causal").mean() >= 0.8
    assert decoys.merge(run.read_table("causes").query("verdict == 'causal'"), on=["rule_id", "position"]).empty
    suspected = run.read_table("mode_attributes").query("status == 'tested'")
    phi = suspected.pivot_table(index="rule_id", columns="column", values="phi").abs()
    assert (phi.loc[estimated["rule_id"].unique(), "cue_present"] >= 0.95).all()
    both = phi["decoy_present"].notna()
    assert both.sum() >= 2
    assert (phi.loc[both, "cue_present"] > phi.loc[both, "decoy_present"]).all()
    page = (index.parent / "planted" / "index.html").read_text(encoding="utf-8").partition('id="true-effects"')[2]
    assert page.count("badge causal") == (estimated["verdict"] == "causal").sum()
