"""Unions of classes by WordNet id and by superclasses of the taxonomy, from the configuration to the words of rules."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from barlow_report.config import RulesConfig, load_config
from barlow_report.errors import ConfigError
from barlow_report.lenses.error_types.wordnet import WordNet
from barlow_report.rules import list_groupings
from barlow_report.run_folder import Run
from barlow_report.stages.unions import rules_with_unions
from tests.lenses.error_types.test_wordnet import write_wordnet
from tests.pipeline.test_table_run import run_of, text_of

_NAMES = ["cat", "lynx", "tench"]
_KINDS = "cats: [cat, lynx]\nfish: [tench]\nall of them: [cat, lynx, tench]\n"


def _configure(folder: Path, *, rules: Mapping[str, object], **sections: object) -> Path:
    (folder / "kinds.yaml").write_text(_KINDS, encoding="utf-8")
    values = {
        "name": "unions",
        "data": {"manifest": "table.csv", "images": "none", "features": "features.npy", "classes": _NAMES},
        "rules": dict(rules),
        "taxonomy": {"superclasses": "kinds.yaml"},
        **sections,
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def _resolved(path: Path, names: list[str] | None = None) -> dict[str, tuple[str, ...]]:
    return dict(rules_with_unions(load_config(path), names or _NAMES).unions)


def test_superclasses_of_the_taxonomy_become_unions(tmp_path: Path) -> None:
    every = _resolved(_configure(tmp_path, rules={"union_superclasses": "all"}))
    assert every == {"cats": ("cat", "lynx"), "all of them": ("cat", "lynx", "tench")}, "fish are one class"
    named = {"unions": {"wet": ["lynx", "tench"]}, "union_superclasses": ["cats"]}
    assert _resolved(_configure(tmp_path, rules=named)) == {"wet": ("lynx", "tench"), "cats": ("cat", "lynx")}


def test_classes_of_unions_may_be_named_by_wordnet_id(tmp_path: Path) -> None:
    path = _configure(tmp_path, rules={"unions": {"wolves": ["n02114712", "coyote"]}})
    assert _resolved(path, ["red wolf", "coyote", "tench"]) == {"wolves": ("red wolf", "coyote")}


def test_superclasses_of_wordnet_become_unions(tmp_path: Path) -> None:
    ids = write_wordnet(tmp_path, (("animal", (), ()), ("dog", (), ("animal",)), ("cat", (), ("animal",))))
    assert WordNet(tmp_path).synset(ids["dog"]).words == ("dog",)
    taxonomy = {"superclasses": "wordnet", "wordnet": {"folder": str(tmp_path), "hypernyms": {"pets": ["animal"]}}}
    path = _configure(tmp_path, rules={"union_superclasses": "all"}, taxonomy=taxonomy)
    assert _resolved(path, [ids["dog"], ids["cat"]]) == {"pets": (ids["dog"], ids["cat"])}


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ({"union_superclasses": ["cat"]}, "'cat' is no superclass of the taxonomy; did you mean 'cats'"),
        ({"union_superclasses": ["fish"]}, "'fish' has one class of the run"),
        ({"union_superclasses": "all", "unions": {"cats": ["cat", "tench"]}}, "there is another union 'cats'"),
        ({"unions": {"x": ["cat", "n00000001"]}}, "names 'n00000001', which is not a class"),
    ],
)
def test_unions_that_cannot_be_made_are_refused(tmp_path: Path, rules: dict[str, object], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        _resolved(_configure(tmp_path, rules=rules))


def test_one_class_by_name_and_by_id_is_no_union(tmp_path: Path) -> None:
    path = _configure(tmp_path, rules={"unions": {"x": ["red wolf", "n02114712"]}})
    with pytest.raises(ConfigError, match="names the class 'red wolf' twice, perhaps by its WordNet id"):
        _resolved(path, ["red wolf", "tench"])


@pytest.mark.parametrize("taxonomy", [None, {}, {"superclasses": "suggested"}])
def test_superclasses_that_are_not_known_beforehand_are_no_unions(tmp_path: Path, taxonomy: object) -> None:
    with pytest.raises(ConfigError, match=r"'rules.union_superclasses' needs 'taxonomy.superclasses'"):
        load_config(_configure(tmp_path, rules={"union_superclasses": "all"}, taxonomy=taxonomy))


def test_arrays_have_no_taxonomy() -> None:
    labels = np.array([0, 1])
    with pytest.raises(ConfigError, match="there is no taxonomy here"):
        list_groupings(labels, labels, class_names=("a", "b"), settings=RulesConfig(union_superclasses="all"))


def test_runs_without_such_unions_stay_up_to_date() -> None:
    assert "union_superclasses" not in RulesConfig().model_dump(mode="json")
    assert RulesConfig(union_superclasses=("a",)).model_dump(mode="json")["union_superclasses"] == ["a"]


def test_a_rule_of_a_union_says_its_name(tmp_path: Path) -> None:
    n = 40
    fails = np.arange(3 * n) % n < 12
    labels = np.repeat(_NAMES, n)
    table = pd.DataFrame({"path": [f"{i}.jpg" for i in range(3 * n)], "label": labels})
    table["prediction"] = np.where(fails & (labels != "tench"), "tench", labels)
    table.to_csv(tmp_path / "table.csv", index=False)
    features = np.random.default_rng(0).normal(size=(3 * n, 3)).astype(np.float32)
    features[:, 1] += 4 * fails
    np.save(tmp_path / "features.npy", features)
    result = run_of(_configure(tmp_path, rules={"union_superclasses": ["cats"]}))
    assert result.exit_code == 0, result.output
    groups = Run.open(tmp_path / "run").read_table("groups")
    union = groups[groups["grouping"] == "unions_by_label"].iloc[0]
    assert (union["name"], union["n_images"], union["n_failures"]) == ("cats", 80, 24)
    page = text_of(tmp_path / "site", f"groups/{union['group_id']}/index.html")
    assert "Images labelled cats (cat or lynx), with feature 1" in page
    assert "cats (union by label)" in text_of(tmp_path / "site", "failure-modes/index.html")
