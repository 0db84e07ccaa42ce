"""`barlow-report check`: what a run would do, without doing it."""

import itertools
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema_rs
import numpy as np
import pytest
import yaml
from typer.testing import CliRunner, Result

from barlow_report import pipeline
from barlow_report.check_cli import SCHEMA
from barlow_report.cli import app
from barlow_report.config import RulesConfig, load_config
from barlow_report.estimates import Estimate, size_words
from barlow_report.formatting import duration
from barlow_report.lenses import registry
from barlow_report.lenses.directions import Directions
from barlow_report.lenses.lens import Lens
from barlow_report.progress_lines import SCHEMA as PROGRESS
from barlow_report.run_folder import Run
from barlow_report.stages import measuring
from barlow_report.stages.expected import expected_modes
from barlow_report.stages.forecast import names_addresses
from barlow_report.stages.forecast_rules import measure_search
from barlow_report.stages.prospect import Prospect, Sample, failures_like
from tests.lenses.words.test_stage import FACTORY
from tests.manual.pages import page
from tests.pipeline.things import write_things
from tests.pipeline.toy import write_image, write_task

VALIDATOR = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text(encoding="utf-8")))
QUICK = {"visuals": {"attack": "none"}, "rules": {"n_shuffles": 99, "n_resamples": 0}}


def _check(config: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["check", str(config), "--run", str(config.parent / "run"), *options])


def _lines(result: Result) -> dict[str, str]:
    assert result.exit_code == 0, result.output
    return dict(re.findall(r"^([A-Z][a-z]+(?: [a-z]+|, after)?)  +(.*)$", result.stdout, flags=re.MULTILINE))


def _facts(result: Result) -> dict[str, Any]:
    """What --json says: the parts by their keys, and the total."""
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    VALIDATOR.validate(answer)
    return {part["key"]: part for part in answer["parts"]} | {"total": answer["total"]}


def test_it_says_what_a_run_would_do_and_writes_nothing(tmp_path: Path) -> None:
    config = write_task(tmp_path, n_per_class=30)
    (tmp_path / "images" / "red" / "notes.txt").write_text("no image")
    before = sorted(tmp_path.rglob("*"))
    lines = _lines(_check(config))
    assert sorted(path for path in tmp_path.rglob("*") if "__pycache__" not in path.parts) == before
    assert lines["Images"] == "60 images of 2 classes, fewest blue (30); 1 file passed over"
    assert lines["Groups"].startswith("4 groups by label and by prediction; ")
    assert lines["Features"] == "4 features of network:colours, with heatmaps"
    assert re.fullmatch(
        r"about \d+ s, 0\.1 MB: 60 images at [\d,.]+ a second on cpu, after about \d+ s of loading", lines["Pass"]
    )
    assert "the first 2 have a feature attack (visuals.n_attacked)" in lines["Pictures"]
    assert re.match(r"about \d+ s, [\d.]+ MB: about \d+ pages", lines["Site"])
    assert re.fullmatch(r"about \d+ s; [\d.]+ MB in the run folder, [\d.]+ MB of site", lines["Altogether"])
    assert lines["Run folder"].endswith("run: new")


def test_after_a_run_its_failure_modes_are_those_that_are_there(tmp_path: Path) -> None:
    settings = {**QUICK, "directions": {}, "causes": {"n_controls": 2}}
    config = write_task(tmp_path, n_per_class=60, settings=settings)
    assert CliRunner().invoke(app, ["explain", str(config), "--run", str(tmp_path / "run")]).exit_code == 0
    run = Run.open(tmp_path / "run")
    n_verified = int((run.read_table("rules")["verdict"] == "verified").sum())
    facts = _facts(_check(config, "--json"))
    assert facts["run_folder"]["words"].endswith("run: extract, explain finished; what is still up to date is skipped")
    assert facts["rules"]["figures"]["n_verified"] == n_verified > 0
    assert f"for {n_verified} verified failure mode" in facts["causes"]["words"]
    conditions = run.read_table("conditions").merge(run.read_table("rules"), on="rule_id")
    n_conditions = int((conditions["verdict"] == "verified").sum())
    assert facts["causes"]["figures"]["n_experiments"] == 2 * n_conditions
    assert facts["total"]["not_timed"] == []
    images = run.read_table("images")
    n_failures = int((images["label"] != images["prediction"]).sum())
    assert facts["groups"]["figures"]["n_failures_expected"] == n_failures


def test_a_damaged_run_folder_is_no_reason_to_stop(tmp_path: Path) -> None:
    config = write_task(tmp_path, n_per_class=25, settings=QUICK)
    assert CliRunner().invoke(app, ["explain", str(config), "--run", str(tmp_path / "run")]).exit_code == 0
    (tmp_path / "run" / "rules.parquet").write_bytes(b"nothing of the kind")
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    assert "verified" not in _lines(_check(config))["Groups"]
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before


def test_every_part_of_a_run_is_timed_and_measured_in_bytes(tmp_path: Path) -> None:
    settings = {
        **QUICK,
        "directions": {},
        "causes": {"n_controls": 2, "n_images": 10},
        "taxonomy": {},
        "comparison": {"models": [{"factory": "network.py:colours"}, {"factory": "network.py:broken", "name": "ill"}]},
    }
    config = write_task(tmp_path, n_per_class=60, settings=settings)
    facts = _facts(_check(config, "--json"))
    timed = ["pass", "rules", "pictures", "causes", "directions", "taxonomy", "joint", "comparison", "errors", "site"]
    assert {key: facts[key]["is_timed"] for key in timed} == dict.fromkeys(timed, True)
    assert all(facts[key]["seconds"] > 0 for key in timed)
    parts = [part for key, part in facts.items() if key != "total"]
    total = facts["total"]
    assert total["seconds"] == pytest.approx(sum(part["seconds"] or 0 for part in parts), abs=0.02 * len(parts))
    assert total["bytes"] == sum(part["bytes"] or 0 for part in parts if part["key"] != "site")
    assert total["site_bytes"] == facts["site"]["bytes"] > 500_000
    assert facts["pass"]["bytes"] >= 120 * 4 * 4, "features of 4 numbers for each image"
    comparison = facts["comparison"]
    assert (comparison["figures"]["n_models"], comparison["figures"]["n_timed"]) == (2, 1)
    assert comparison["bytes"] >= 2 * 120 * 8
    assert "would be left out: ill" in comparison["words"]


def test_images_that_two_lenses_embed_are_counted_once(tmp_path: Path) -> None:
    (tmp_path / "clip.py").write_text(FACTORY)
    clip = {"factory": "clip.py:colours", "batch_size": 7}
    config = write_task(tmp_path, n_per_class=60, settings={**QUICK, "directions": {"clip": clip}, "words": {}})
    facts = _facts(_check(config, "--json"))
    assert "colours embeds 120 images at " in facts["directions"]["words"]
    assert facts["directions"]["figures"]["n_dimensions"] == 3
    assert facts["directions"]["bytes"] >= 4 * 3 * 120
    assert facts["words"]["bytes"] == 0
    assert "are there by then" in facts["words"]["words"] or "nothing to name" in facts["words"]["words"]


def test_every_lens_that_can_be_asked_for_says_what_it_takes_and_another_is_said_to_be_not_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {lens.key for lens in registry.LENSES if type(lens).estimate is Lens.estimate} == {"planted"}
    config = write_task(tmp_path, n_per_class=30, settings={**QUICK, "directions": {}})
    monkeypatch.setattr(Directions, "estimate", Lens.estimate)
    facts = _facts(_check(config, "--json"))
    assert (facts["directions"]["is_timed"], facts["directions"]["seconds"]) == (False, None)
    assert facts["total"]["not_timed"] == ["Directions"]


def test_what_is_at_an_address_is_not_timed_and_not_fetched(tmp_path: Path) -> None:
    settings = {**QUICK, "comparison": {"predictions": "memory://elsewhere/table.csv"}}
    config = load_config(write_task(tmp_path, n_per_class=5, settings=settings))
    assert names_addresses(config, "comparison")
    assert not names_addresses(config, "directions")
    assert not names_addresses(config, "joint")


def test_what_was_expected_is_about_what_a_run_leaves(tmp_path: Path) -> None:
    config = write_task(tmp_path, n_per_class=60, settings=QUICK)
    facts = _facts(_check(config, "--json"))
    site = tmp_path / "site"
    pipeline.run(load_config(config), folder=tmp_path / "run", site=site)
    n_bytes = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    assert n_bytes / 2 < facts["total"]["site_bytes"] < 2 * n_bytes
    n_pages = len(list(site.rglob("index.html")))
    assert n_pages / 2 < facts["site"]["figures"]["n_pages"] < 2 * n_pages


def test_further_images_are_counted_with_their_time_and_disk(tmp_path: Path) -> None:
    settings: dict[str, object] = {"visuals": {"attack": "none"}, "pool": {"folder": "pool"}}
    settings["training"] = {"folder": "train"}
    config = write_task(tmp_path, n_per_class=5, settings=settings)
    for index in range(6):
        kind = "red" if index < 4 else "green"
        write_image(tmp_path / f"pool/{kind}/{index}.png", colour="red", marked=False, seed=index)
        write_image(tmp_path / f"train/red/{index}.png", colour="red", marked=False, seed=index)
    (tmp_path / "pool/red/notes.txt").write_text("no image")
    lines = _lines(_check(config))
    about = r"about 1 s, 0\.1 MB: 6 images, "
    assert re.fullmatch(about + "4 labelled as a class of the run; 1 file passed over", lines["Pool"])
    assert re.fullmatch(about + "6 labelled as a class of the run", lines["Training"])
    assert "candidates for" in lines["Pool, after"]
    assert "weights by" in lines["Training, after"]
    assert "not timed" not in lines["Altogether"]


def test_of_many_models_some_are_timed_and_nothing_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something is downloaded")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", refuse)
    monkeypatch.setattr("barlow_report.stages.models_cost._N_MODELS", 3)
    models = [{"torchvision": "squeezenet1_?", "arguments": {}}, {"factory": "network.py:colours"}]
    settings: dict[str, object] = {"visuals": {"attack": "none"}, "comparison": {"models": models}}
    lines = _lines(_check(write_task(tmp_path, n_per_class=30, settings=settings)))
    assert lines["Comparison"].startswith("about ")
    assert "3 models asked about 60 images" in lines["Comparison"]
    assert "weights of 2 are downloaded where they are not here yet, which is not timed" in lines["Comparison"]


def test_outputs_of_a_model_are_timed_for_one_and_counted_for_all(tmp_path: Path) -> None:
    config = write_things(tmp_path, n=120, settings={"visuals": {"attack": "none"}, "directions": {}})
    facts = _facts(_check(config, "--json"))
    for key in ("rules", "pictures", "directions", "site"):
        assert facts[key]["words"].endswith("for each of 3 outputs")
        assert facts[key]["is_timed"]
    assert "for each" not in facts["pass"]["words"]
    assert facts["total"]["not_timed"] == []


def test_a_table_with_features_has_rules_and_no_pass(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    labels = np.repeat(["ape", "bee"], 100)
    fails = random.random(200) < 0.2
    said = np.where(fails, labels[::-1], labels)
    rows = [f"{i}.png,{label},{other}" for i, (label, other) in enumerate(zip(labels, said, strict=True))]
    (tmp_path / "table.csv").write_text("\n".join(["path,label,prediction", *rows]))
    np.save(tmp_path / "features.npy", random.random((200, 6), dtype=np.float32))
    data = {"manifest": "table.csv", "images": "none", "features": "features.npy"}
    config = tmp_path / "c.yaml"
    config.write_text(yaml.safe_dump({"name": "table", "data": data, "rules": QUICK["rules"]}))
    facts = _facts(_check(config, "--json"))
    assert facts["pass"]["words"].endswith("says what was predicted, and no image is read")
    assert facts["features"]["words"].startswith("6 features of ")
    assert facts["pass"]["bytes"] >= 200 * 6 * 4
    assert facts["pictures"]["words"] == "none, but histograms"
    assert facts["rules"]["seconds"] > 0
    assert facts["groups"]["figures"]["n_failures_expected"] == pytest.approx(fails.sum(), abs=1)
    config.write_text(yaml.safe_dump({"name": "table", "data": {**data, "features": None}}))
    facts = _facts(_check(config, "--json"))
    assert facts["rules"]["words"].startswith("none: there are no features")
    assert facts["rules"]["seconds"] == 0


def test_the_manual_shows_what_it_says(tmp_path: Path) -> None:
    (shown,) = [block.code for block in page("own-report").blocks if "test_check.py" in block.tested_by]
    manual = dict(re.findall(r"^([A-Z][a-z]+)  +(.*)$", shown, flags=re.MULTILINE))
    lines = _lines(_check(write_task(tmp_path, n_per_class=60, settings={**QUICK, "causes": {"n_controls": 2}})))
    assert manual.keys() <= lines.keys()
    for title in ("Pass", "Altogether"):
        assert _without_numbers(manual[title]) == _without_numbers(lines[title])
    for title in ("Groups", "Rules", "Causes"):  # what does not depend on the data
        common = {
            "Groups": "with enough failures",
            "Rules": "have enough failures",
            "Causes": "experiments with at most",
        }
        assert common[title] in manual[title]
        assert common[title] in lines[title]


def _without_numbers(text: str) -> str:
    return re.sub(r"\d[\d.,\u202f]*( ?\d+)?", "#", text)


def test_errors_have_the_form_of_progress(tmp_path: Path) -> None:
    config = write_task(tmp_path, n_per_class=3)
    config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), "data": {"folder": "nowhere"}}))
    result = _check(config, "--json")
    assert result.exit_code == 1
    assert result.stdout == ""
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    validator = jsonschema_rs.validator_for(json.loads(PROGRESS.read_text(encoding="utf-8")))
    for line in lines:
        validator.validate(line)
    assert (lines[-1]["event"], lines[-1]["exit_code"]) == ("error", 1)
    assert "nowhere" in lines[-1]["text"]


@pytest.mark.parametrize("kind", ["check", "progress"])
def test_the_schemas_are_published(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    assert CliRunner().invoke(app, ["schema", "--of", kind, str(file)]).exit_code == 0
    found = json.loads(file.read_text())
    jsonschema_rs.meta.validate(found)
    assert found == json.loads((SCHEMA if kind == "check" else PROGRESS).read_text(encoding="utf-8"))


# --- how it is multiplied -----------------------------------------------------------------------------------------


def test_times_of_rules_grow_with_images_features_and_groupings() -> None:
    def seconds(*, n_images: int, n_features: int, n_with_trees: int = 2, **rules: object) -> float | None:
        labels = np.repeat(np.arange(2), n_images // 2)
        expected: Any = SimpleNamespace(n_groups=2, n_trees=n_with_trees, n_failures=n_images // 5)
        images: Any = SimpleNamespace(labels=labels, class_names=("a", "b"), paths=[""] * n_images)
        prospect = Prospect(images=images, expected=expected, sample=None, n_features=n_features, slowness=1.0)
        found = measure_search(RulesConfig(**rules), prospect)
        return None if found is None else found.seconds

    with _clock():
        once = seconds(n_images=200, n_features=16)
        # two groups of 100 images take a second, and each image is in two groups
        assert once == pytest.approx(2.0)
        assert seconds(n_images=200, n_features=16, groupings=["label"]) == pytest.approx(1.0)
        assert seconds(n_images=200, n_features=16, confused_pairs=1) == pytest.approx(2.5)
        assert seconds(n_images=200, n_features=16, n_with_trees=1) == pytest.approx(1.0)
        assert seconds(n_images=200, n_features=1024) == pytest.approx(2.0 * 4)  # 256 are timed
        assert seconds(n_images=4096, n_features=16) == pytest.approx(2.0 * 2)  # 1,024 of each class are timed
    assert seconds(n_images=20, n_features=16) is None, "no class is large enough"
    assert seconds(n_images=200, n_features=0) is None


@contextmanager
def _clock() -> Iterator[None]:
    """Everything takes a second."""
    times = itertools.count()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "time", SimpleNamespace(perf_counter=lambda: float(next(times))))
        yield


def test_what_takes_long_is_measured_once_and_what_is_quick_for_many() -> None:
    asked: list[int] = []
    with _clock():
        assert measuring.seconds_each(asked.append, n_first=4, n_most=100, seconds=2.0) == pytest.approx(1 / 8)
        assert asked == [4, 8], "a quarter of a second each: 8 in two seconds"
        asked.clear()
        assert measuring.seconds_each(asked.append, n_first=4, n_most=100, seconds=0.5) == pytest.approx(1 / 4)
        assert asked == [4], "more would take too long"
        asked.clear()
        assert measuring.seconds_each(asked.append, n_first=4, n_most=3, seconds=9.0) == pytest.approx(1 / 3)
        assert asked == [3, 3]


def test_groups_with_enough_failures_are_expected_to_have_trees_and_half_of_them_a_failure_mode() -> None:
    labels = np.repeat(np.arange(4), 100)
    sampled = np.arange(0, 400, 2)
    predictions = labels[sampled].copy()
    of_first = np.flatnonzero(labels[sampled] == 0)
    predictions[of_first[:20]] = 1  # 40 of 100, of which all are then called 1
    rules = RulesConfig()
    found = expected_modes(rules, labels, n_classes=4, sampled=sampled, predictions=predictions)
    assert (found.n_groups, found.n_trees, found.n_verified) == (8, 2, 1)  # label 0, and prediction 1
    assert found.n_failures == pytest.approx(40, abs=2)
    assert found.assumed == "for 1 expected failure mode"
    assert found.words.startswith("2 groups with enough failures, as images of the sample fail; half of them")
    alone = rules.model_copy(update={"groupings": ("label",)})
    assert expected_modes(alone, labels, n_classes=4, sampled=sampled, predictions=predictions).n_trees == 1
    more = expected_modes(rules, labels, n_classes=4, sampled=sampled, predictions=predictions, n_further_groups=3)
    assert (more.n_groups, more.n_trees) == (11, 5)
    none = expected_modes(rules, labels, n_classes=4, sampled=sampled, predictions=labels[sampled])
    assert (none.n_trees, none.n_verified, none.assumed) == (0, 0, "no failure mode is expected")


def test_without_predictions_every_tenth_image_is_expected_to_fail() -> None:
    labels = np.repeat(np.arange(2), 100)
    nothing = np.zeros(0, dtype=np.int64)
    found = expected_modes(RulesConfig(), labels, n_classes=2, sampled=nothing, predictions=None)
    assert (found.n_failures, found.n_trees) == (20, 4)


def test_made_up_failures_go_along_with_a_feature_in_every_other_group() -> None:
    features = np.random.default_rng(0).random((2000, 3), dtype=np.float32)
    labels = np.repeat([0, 1], 1000)
    fails = failures_like(features, labels, 0.2)
    is_high = features[:, 0] > np.quantile(features[:1000, 0], 0.9)
    assert fails[:1000][is_high[:1000]].mean() == pytest.approx(0.5, abs=0.15)
    assert fails[:1000][~is_high[:1000]].mean() == pytest.approx(0.12, abs=0.04)
    assert fails[1000:].mean() == pytest.approx(0.2, abs=0.04)


def test_features_of_a_class_are_those_of_the_sample_with_a_little_noise() -> None:
    known = np.array([[0.0, 1.0], [0.0, 5.0]], dtype=np.float32)
    sample = Sample(image_ids=np.arange(2), features=known, predictions=None)
    anything: Any = SimpleNamespace()
    prospect = Prospect(images=anything, expected=anything, sample=sample, n_features=2, slowness=1.0)
    made = prospect.like_a_class(500)
    assert (made[:, 0] == 0).all(), "what is off stays off"
    assert np.abs(made[:, 1][:, None] - [1.0, 5.0]).min(axis=1).max() < 1.0
    assert 0.3 < (made[:, 1] > 3).mean() < 0.7


def test_an_estimate_says_time_and_size_before_its_words() -> None:
    assert Estimate(words="a thing", seconds=3.0).text == "about 3 s: a thing"
    assert Estimate(words="a thing", seconds=None, n_bytes=2_500_000).text == "not timed, 2.5 MB: a thing"
    twice = Estimate(words="a thing", seconds=3.0, n_bytes=4, n_pictures=5).repeated(2, what="for each of 2")
    assert (twice.seconds, twice.n_bytes, twice.n_pictures, twice.words) == (6.0, 8, 10, "a thing; for each of 2")
    assert [size_words(n) for n in (0, 90_000, 12_340_000, 4.56e9)] == ["0.1 MB", "0.1 MB", "12.3 MB", "4.6 GB"]


@pytest.mark.parametrize("array", [np.float32(3), np.zeros(6), np.zeros((0, 4)), np.array([["a", "b"]])])
def test_embeddings_that_are_none_are_refused(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "e.npy", array)
    config = write_task(tmp_path, n_per_class=5, settings={**QUICK, "directions": {"embeddings": "e.npy"}})
    result = _check(config)
    assert result.exit_code == 1
    assert "expected real numbers of shape (n_images, n_dimensions)" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rules": {"unions": {"both": ["red", "green"]}}}, "names 'green', which is not a class"),
        ({"inspected_model": {"factory": "network.py:nothing"}}, "nothing"),
        ({"data": {"folder": "nowhere"}}, "nowhere"),
        ({"pool": {"folder": "no-pool"}}, "pool.folder: "),
        ({"directions": {"clip": {"factory": "network.py:colours"}}}, "directions.clip: network:colours returned"),
        ({"directions": {"embeddings": "network.py"}}, "network.py: cannot be read"),
    ],
)
def test_what_a_run_would_refuse_is_refused_at_once(tmp_path: Path, change: dict[str, object], message: str) -> None:
    config = write_task(tmp_path, n_per_class=3)
    config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), **change}))
    result = _check(config)
    assert result.exit_code == 1
    assert message in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "about 1 s"), (89, "about 89 s"), (100, "about 2 min"), (5000, "about 83 min"), (9000, "about 2.5 h")],
)
def test_times_are_rough(seconds: float, words: str) -> None:
    assert duration(seconds) == words
