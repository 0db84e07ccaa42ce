"""The policy: what is accepted, and how mistakes are reported."""

import re
from datetime import date
from pathlib import Path

import pytest

from barlow_report.errors import ConfigError
from barlow_report.lenses.gate import policy as module
from barlow_report.lenses.gate.measures import MEASURES
from barlow_report.lenses.gate.policy import Policy, load_policy

STARTER = Path(module.__file__).with_name("starter.yaml")
WORSE = "conditions:\n- {measure: worse_modes, at_most: 0}\n"


def _load(folder: Path, text: str) -> Policy:
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return load_policy(path)


def _error(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as error:
        _load(folder, text)
    return str(error.value)


def _waiver(**values: str) -> str:
    found = {"mode": "mug", "condition": "worse_modes", "owner": "Ada", "reason": "soon", "expires": "2027-01-31"}
    return f"- {{{', '.join(f'{key}: {value}' for key, value in (found | values).items())}}}\n"


def test_a_policy_is_read(tmp_path: Path) -> None:
    found = _load(tmp_path, f"{WORSE}waivers:\n{_waiver()}")
    assert (found.conditions[0].name, found.conditions[0].severity) == ("worse_modes", "fail")
    assert found.waivers[0].expires == date(2027, 1, 31)


def test_the_starter_is_a_policy_and_shows_every_measure(tmp_path: Path) -> None:
    text = STARTER.read_text(encoding="utf-8")
    assert [c.measure for c in load_policy(STARTER).conditions] == ["worse_modes", "new_modes", "accuracy_drop"]
    whole = re.sub(r"^#(?=- |  \w)", "", text, flags=re.MULTILINE).replace("waivers: []", "waivers:")
    found = _load(tmp_path, re.sub(r"\n#(?=-)", "\n", whole))
    assert {condition.measure for condition in found.conditions} == set(MEASURES)
    assert len(found.waivers) == 1


def test_a_policy_learns_nothing_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    found = _load(tmp_path, f"{WORSE}waivers:\n{_waiver(reason=chr(34) + '${SECRET_TOKEN}' + chr(34))}")
    assert found.waivers[0].reason == "${SECRET_TOKEN}"


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("measure: worse_modes, at_mst: 0", "line 2, conditions.0.at_mst: unknown key; did you mean 'at_most'?"),
        ("measure: worse, at_most: 0", "line 2, conditions.0.measure: found 'worse'; input should be 'worse_modes'"),
        ("at_most: 0", "line 2, conditions.0.measure: missing"),
        ("measure: worse_modes", "line 2, conditions.0: worse_modes needs at_most, and no other bound"),
        ("measure: worse_modes, at_least: 0", "conditions.0.at_least: worse_modes needs at_most"),
        ("measure: explained_failures, at_least: 0, at_most: 1", "needs at_least or at_most, and no other"),
        ("measure: verified_modes, at_most: 1.5", "found 1.5; verified_modes needs a whole number"),
        ("measure: verified_modes, at_most: -1", "found -1; input should be greater than or equal to 0"),
        ("measure: verified_modes, at_most: .inf", "input should be a finite number"),
        ("measure: verified_modes, at_most: yes", "found True; expected a number"),
        ("measure: accuracy, at_least: 95, limit: upper", "found 95.0; accuracy needs a share of 0 to 1"),
        ("measure: accuracy, at_least: 0.9", "accuracy has an interval: say which end of it counts"),
        ("measure: accuracy, at_least: 0.9, limit: high", "found 'high'; input should be 'lower', 'estimate' or"),
        ("measure: worse_modes, at_most: 0, limit: lower", "worse_modes has no interval, so no limit goes with it"),
        ("measure: worse_modes, at_most: 0, classes: [mug]", "worse_modes is not about classes"),
        ("measure: class_error_rate, at_most: 0, limit: lower, classes: []", "conditions.0.classes"),
        ("measure: worse_modes, at_most: 0, name: A b", "conditions.0.name: found 'A b'"),
        ("measure: worse_modes, at_most: 0, severity: error", "conditions.0.severity: found 'error'"),
    ],
)
def test_a_mistake_in_a_condition_is_named(tmp_path: Path, condition: str, message: str) -> None:
    assert message in _error(tmp_path, f"conditions:\n- {{{condition}}}\n")


def test_two_conditions_need_two_names(tmp_path: Path) -> None:
    twice = WORSE + "- {measure: worse_modes, at_most: 3}\n"
    assert "line 3, conditions.1: found 'worse_modes'; another condition is called so" in _error(tmp_path, twice)
    named = _load(tmp_path, twice.replace("3}", "3, name: at_most_three}"))
    assert [condition.name for condition in named.conditions] == ["worse_modes", "at_most_three"]


@pytest.mark.parametrize("text", ["conditions: []\n", "{}\n", "waivers: []\n", "", "- a\n", "conditions: {a: 1}\n"])
def test_a_policy_without_conditions_is_none(tmp_path: Path, text: str) -> None:
    assert "policy.yaml: " in _error(tmp_path, text)


@pytest.mark.parametrize(
    ("waiver", "message"),
    [
        (
            {"condition": "worse_mode"},
            "line 4, waivers.0.condition: found 'worse_mode'; no condition is called so; ",
        ),
        ({"condition": "accuracy"}, "there is worse_modes."),
        ({"expires": "31.1.2027"}, "found '31.1.2027'; expected a day, year first, such as 2027-01-31"),
        ({"expires": "2027-02-31"}, "waivers.0.expires: found '2027-02-31'; expected a day"),
        ({"expires": "20270131"}, "waivers.0.expires: found 20270131; expected a day"),
        ({"expires": "2027-01-31T12:00:00"}, "expected a day"),
        ({"expires": "never"}, "waivers.0.expires: found 'never'; expected a day"),
        ({"expires": '"２０２７-01-31"'}, "expected a day"),
        ({"expires": "null"}, "waivers.0.expires: found None; expected a day"),
        ({"owner": '""'}, "waivers.0.owner: found ''; expected some words"),
        ({"owner": '" \\n "'}, "expected some words"),
        ({"owner": "[Ada, Bob]"}, "waivers.0.owner"),
        ({"reason": "5"}, "waivers.0.reason: found 5, which YAML reads as int 5, expected a text"),
        ({"reason": f'"{"x" * 501}"'}, "waivers.0.reason"),
        ({"reason": '"\\e[2J\\e[31mPASSED"'}, "it holds the character U+001B, which cannot be seen"),
        ({"reason": '"\\r\\bPASSED"'}, "it holds the character U+0008"),
        ({"owner": '"abc\\u202Edef"'}, "it holds the character U+202E"),
        ({"mode": '"mug\\u200B"'}, "it holds the character U+200B"),
        ({"mode": "[mug]"}, "waivers.0.mode"),
        ({"until": "2027-01-31"}, "waivers.0.until: unknown key; known keys here: mode, condition, owner"),
    ],
)
def test_a_mistake_in_a_waiver_is_named(tmp_path: Path, waiver: dict[str, str], message: str) -> None:
    error = _error(tmp_path, f"{WORSE}waivers:\n{_waiver(**waiver)}")
    assert message in error
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", error)


def test_a_waiver_without_an_owner_a_reason_or_a_day_is_none(tmp_path: Path) -> None:
    error = _error(tmp_path, f"{WORSE}waivers:\n- {{mode: mug, condition: worse_modes}}\n")
    assert all(f"waivers.0.{key}: missing" in error for key in ("owner", "reason", "expires"))


def test_a_second_waiver_for_the_same_is_named(tmp_path: Path) -> None:
    error = _error(tmp_path, f"{WORSE}waivers:\n{_waiver()}{_waiver(mode=chr(34) + ' mug ' + chr(34), owner='Bob')}")
    assert "line 5, waivers.1.mode: found 'mug'; an earlier waiver is for this failure mode and worse_modes" in error


def test_a_waiver_for_no_failure_mode_is_refused(tmp_path: Path) -> None:
    text = "conditions:\n- {measure: accuracy, at_least: 0.9, limit: upper}\nwaivers:\n"
    assert "only conditions on failure modes can be waived" in _error(tmp_path, text + _waiver(condition="accuracy"))


def test_texts_of_several_lines_become_one(tmp_path: Path) -> None:
    folded = _waiver(reason='"first\\n  second\\tthird"')
    assert _load(tmp_path, f"{WORSE}waivers:\n{folded}").waivers[0].reason == "first second third"
