"""The configuration: what is accepted, and how mistakes are reported."""

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from barlow_report.config import Config, ModelConfig, Section, load_config, parse_yaml_model, whole_config
from barlow_report.errors import ConfigError
from barlow_report.lenses.directions.captions import CaptionSet
from barlow_report.training_config import TrainingConfig

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
MINIMAL = """
name: mine
data: {folder: images}
inspected_model: {factory: "net.py:make", weights: net.pt}
"""


def _load(folder: Path, text: str) -> Config:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = _load(tmp_path, MINIMAL)
    assert config.data.folder == tmp_path / "images"
    assert config.inspected_model is not None
    assert config.inspected_model.weights == tmp_path / "net.pt"
    assert config.inspected_model.factory == f"{tmp_path}/net.py:make"


def test_environment_variables_are_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = MINIMAL.replace("folder: images", 'folder: "${WHERE:-elsewhere}/images"')
    assert _load(tmp_path, text).data.folder == tmp_path / "elsewhere" / "images"
    monkeypatch.setenv("WHERE", "/data")
    assert _load(tmp_path, text).data.folder == Path("/data/images")


def test_a_variable_without_value_or_default_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="NOT_SET_ANYWHERE is not set"):
        _load(tmp_path, MINIMAL.replace("folder: images", 'folder: "${NOT_SET_ANYWHERE}"'))


def test_all_mistakes_are_reported_at_once_with_line_and_suggestion(tmp_path: Path) -> None:
    text = """name: mine
data:
  foldr: images
  folder: images
inspected_model:
  factory: net.py
rules:
  max_depth: 9
  tau: often
visuals: {attack: {stepsize: 3}}
colour: red
"""
    with pytest.raises(ConfigError) as error:
        _load(tmp_path, text)
    message = str(error.value)
    assert "6 problems" in message
    assert "line 3, data.foldr: unknown key; did you mean 'folder'?" in message
    assert "line 6, inspected_model.factory: found 'net.py'; expected 'package.module:function'" in message
    assert re.search(r"line 8, rules\.max_depth: found 9; .*less than or equal to 4", message)
    assert "line 9, rules.tau: found 'often'" in message
    assert "line 10, visuals.attack.stepsize: unknown key; did you mean 'step_size'?" in message
    assert "line 11, colour: unknown key; known keys here: name, seed" in message


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="data: missing"):
        _load(tmp_path, "name: mine\ninspected_model: {torchvision: resnet18}\n")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("{}", "exactly one of 'folder', 'manifest', 'torchvision', 'parquet', 'webdataset'"),
        ("{folder: a, manifest: b.csv}", "exactly one of 'folder', 'manifest',"),
        ("{folder: a, torchvision: {name: CIFAR10, root: b}}", "exactly one of 'folder', 'manifest',"),
        ("{folder: a, image_root: b}", "'image_root' goes with 'manifest'"),
        ("{folder: a, probabilities: b.npy}", "'probabilities' goes with 'manifest'"),
        ("{manifest: a.csv, class_depth: 2}", "'class_depth' goes with 'folder'"),
        ("{folder: a, classes: imagnet}", "data.classes"),
        ("{torchvision: {name: CIFAR10}}", "data.torchvision.root: missing"),
        ("{folder: a, classes: [x], class_file: y}", "at most one of 'classes' and 'class_file'"),
    ],
)
def test_contradictory_data_sections_are_refused(tmp_path: Path, data: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(problem)):
        _load(tmp_path, MINIMAL.replace("{folder: images}", data))


def test_a_model_is_needed_for_predictions_and_for_features(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="an image folder or a data set of torchvision holds no pred"):
        _load(tmp_path, "name: mine\ndata: {folder: a}\nfeature_model: {torchvision: resnet18}\n")
    for data in ("parquet: {files: a.parquet}", "webdataset: {shards: 'a-{0..9}.tar'}"):
        _load(tmp_path, f"name: mine\ndata: {{{data}}}\nfeature_model: {{torchvision: resnet18}}\n")
    with pytest.raises(ConfigError, match="nothing else gives features"):
        _load(tmp_path, "name: mine\ndata: {manifest: a.csv}\n")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("name: mine", "name: mine\nname: yours"), "line 3: the key 'name' occurs twice"),
        (("{folder: images}", "&a {folder: *a}"), "line 3: a value contains itself"),
        (("{folder: images}", "{folder: a, ? [b] : c}"), "line 3: a key is a list"),
        (("{folder: images}", "{folder: !!binary aGk=}"), "could not determine a constructor"),
        (("{folder: images}", "{folder: a, classes: !!set {b, c}}"), "could not determine a constructor"),
        (("{folder: images}", '{folder: "a\\0b"}'), "line 3: a text holds the character U+0000"),
        (("{folder: images}", '{folder: "a\\ud800b"}'), "line 3: a text holds the character U+D800"),
        (("{folder: images}", f"{{folder: {'a' * 256}}}"), "data.folder: found 'aaa"),
        (("{folder: images}", f"{{folder: {'[' * 500}a{']' * 500}}}"), "nested too deeply"),
        (("name: mine", "name: mine\nseed: 0x" + "f" * 6000), "line 3: the number 0xffff"),
        (("name: mine", "name: mine\nseed: 1" + "0" * 6000), "line 3: the number 1000"),
        (("name: mine", "name: mine\nseed: " + ":".join(["59"] * 3000)), "line 3: the number 59:59"),
        (("name: mine", "name: mine\nseed: yes"), "line 3, seed: found True; expected a number"),
        (("name: mine", "name: mine\nrules: {evaluation_depths: [1, yes]}"), "expected a number"),
        (("name: mine", "name: mine\nrules: {rho: .nan}"), "rules.rho: found nan; input should be"),
        (("name: mine", "name: mine\nvisuals: {attack: {step_size: 1e400}}"), "step_size: found '1e400'"),
        (("name: mine", "name: mine\nrules: {unions: {1: [a, b], 0x1: [c, d]}}"), "the key '0x1' occurs twice"),
        (("net.pt", "net.pt, preprocessing: {resize: 1000000000}"), "less than or equal to 4096"),
        (("net.pt", "net.pt, preprocessing: {std: [1, 1, 0]}"), "numbers of at least"),
        (("{folder: images}", "{folder: ''}"), "data.folder: found ''; expected a path"),
        (("{folder: images}", "{folder: '~nobody-of-this-name/images'}"), "home directory"),
        (("net.pt", '"${NOT_SET_ANYWHERE}"'), "config.yaml: environment variable NOT_SET_ANYWHERE"),
    ],
)
def test_odd_yaml_is_named_and_not_a_bug(tmp_path: Path, change: tuple[str, str], problem: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(problem)):
        _load(tmp_path, MINIMAL.replace(*change))


@pytest.mark.parametrize(
    ("section", "place", "found", "read"),
    [
        ("classes: [no, a]", "data.classes.0", "no", "bool False"),
        ("classes: [a, null]", "data.classes.1", "null", "nothing"),
        ("classes: [010, a]", "data.classes.0", "010", "int 8"),
        ("classes: [1.0, a]", "data.classes.0", "1.0", "float 1.0"),
        ("classes: [12:30, 1e3]", "data.classes.0", "12:30", "int 750"),
        ("folder: off", "data.folder", "off", "bool False"),
        ("rules: {unions: {pets: [a, on]}}", "rules.unions.pets.1", "on", "bool True"),
        ("rules: {unions: {no: [a, b]}}", "rules.unions.0", "no", "bool False"),
        ("rules: {manifest_columns: [2024]}", "rules.manifest_columns.0", "2024", "int 2024"),
    ],
)
def test_a_name_of_which_yaml_makes_something_else_is_to_be_quoted(
    tmp_path: Path, section: str, place: str, found: str, read: str
) -> None:
    def written(section: str) -> str:
        if section.startswith("rules"):
            return MINIMAL.replace("{folder: images}", "{manifest: list.csv}") + f"\n{section}\n"
        return MINIMAL.replace("{folder: images}", f"{{{section}{', folder: images' * ('classes' in section)}}}")

    with pytest.raises(ConfigError) as error:
        _load(tmp_path, written(section))
    message = f'{place}: found {found}, which YAML reads as {read}, expected a text; write it in quotes: "{found}"'
    assert message in str(error.value)
    assert "1 problem\n" in str(error.value)
    assert found in str(_load(tmp_path, written(re.sub(rf"\b{found}\b", f'"{found}"', section))).model_dump())


@pytest.mark.parametrize("classes", ["{0: blue, 1: red}", "{red: 1, blue: 0}", "{1: blue, 2: red}", "[blue, red]"])
def test_classes_may_have_their_indices(tmp_path: Path, classes: str) -> None:
    config = _load(tmp_path, MINIMAL.replace("{folder: images}", f"{{folder: images, classes: {classes}}}"))
    assert config.data.classes == ["blue", "red"]


@pytest.mark.parametrize(
    ("classes", "problem"),
    [
        ("{0: blue, 2: red}", "the 2 indices go from 0 to 2, expected every number from 0 to 1 once"),
        ("{0: no, 1: yes}", "each name in quotes"),
        ("{0: 01, 1: 02}", "each name in quotes"),
        ("{a: blue, b: red}", "expected a list of names, or index: name"),
    ],
)
def test_classes_whose_order_is_not_certain_are_refused(tmp_path: Path, classes: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        _load(tmp_path, MINIMAL.replace("{folder: images}", f"{{folder: images, classes: {classes}}}"))


def test_a_section_with_nothing_behind_its_key_is_asked_for_with_its_defaults(tmp_path: Path) -> None:
    config = _load(tmp_path, f"{MINIMAL}taxonomy:\ncauses:  # nothing set\nrules:\ndirections: null\n")
    assert config.section("taxonomy") == _load(tmp_path, f"{MINIMAL}taxonomy: {{}}\n").section("taxonomy") is not None
    assert config.section("causes") is not None
    assert config.rules == _load(tmp_path, MINIMAL).rules
    assert config.section("directions") is None
    with pytest.raises(ConfigError, match=r"line 6, pool: expected exactly one of 'folder'"):
        _load(tmp_path, f"{MINIMAL}\npool:\n")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("causes: {}", r"line 8, causes: 'causes' needs images"),
        ("rules: {groupings: []}", r"line 8, rules.groupings: 'rules.groupings: \[\]' leaves nothing"),
        ("inspected_model: {factory: a:b, output: softmax}", "line 8, inspected_model: 'inspected_model' needs images"),
    ],
)
def test_a_problem_of_several_keys_has_the_line_of_one_of_them(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        _load(tmp_path, f"# a comment\n\nname: x\ndata:\n  manifest: t.csv\n  images: none\n# more\n{text}\n")


def test_a_key_is_found_in_the_section_that_has_it_and_what_is_missing_has_no_line(tmp_path: Path) -> None:
    text = f"{MINIMAL.replace(', weights', ', threshold: {a: 0.5}, output: sigmoid, weights')}"
    with pytest.raises(ConfigError, match=r"line 4, inspected_model\.threshold: a 'threshold' for each output goes"):
        _load(tmp_path, text)
    with pytest.raises(ConfigError, match=r"\n  the file: 'inspected_model' is missing"):
        _load(tmp_path, "# first\nname: x\ndata: {folder: images}\n")


def test_means_of_pixels_from_0_to_255_are_refused_with_what_they_are_here(tmp_path: Path) -> None:
    def load(mean: str, std: str) -> Config:
        prepared = f"preprocessing: {{mean: {mean}, std: {std}}}"
        return _load(tmp_path, MINIMAL.replace("weights: net.pt}", f"weights: net.pt,\n  {prepared}}}"))

    problem = (
        r"line 5, inspected_model\.preprocessing\.mean: 'inspected.*looks like one of pixels from 0 to 255.* Divide it "
        r"and std by 255: mean: \[0\.485, 0\.456, 0\.406\], std: \[0\.229, 0\.224, 0\.225\]"
    )
    with pytest.raises(ConfigError, match=problem):
        load("[123.675, 116.28, 103.53]", "[58.395, 57.12, 57.375]")
    with pytest.raises(ConfigError, match=r"mean: \[0\.498\], std: \[0\.003922\]"):
        load("127", "1")
    assert load("1.0", "1.5").inspected_model is not None


def test_an_unquoted_date_is_the_text_that_was_written(tmp_path: Path) -> None:
    assert _load(tmp_path, MINIMAL.replace("name: mine", "name: 2024-01-01")).name == "2024-01-01"


@pytest.mark.parametrize("merges", [False, True])
def test_aliases_that_stand_for_millions_of_values_are_refused_at_once(tmp_path: Path, merges: bool) -> None:
    lines = ["a0: &a0 {x: 1}" if merges else "a0: &a0 [x, x]"]
    for i in range(40):
        nine = ", ".join([f"*a{i}"] * 9)
        lines.append(f"a{i + 1}: &a{i + 1} {{<<: [{nine}]}}" if merges else f"a{i + 1}: &a{i + 1} [{nine}]")
    with pytest.raises(ConfigError, match="stand for more than 100,000 further values"):
        _load(tmp_path, MINIMAL + "\n".join(lines))


def test_ordinary_aliases_and_merge_keys_may_be_used(tmp_path: Path) -> None:
    text = MINIMAL.replace("inspected_model: {", "inspected_model: &model {arguments: {width: 2}, ")
    config = _load(tmp_path, text + "feature_model: {<<: *model, arguments: {width: 3}}\n")
    assert config.feature_model is not None
    assert config.feature_model.weights == tmp_path / "net.pt"
    assert config.feature_model.arguments == {"width": 3}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_of_windows_editors_can_be_read(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "config.yaml").write_text(MINIMAL.replace("images", "bücher"), encoding=encoding)
    assert load_config(tmp_path / "config.yaml").data.folder == tmp_path / "bücher"


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_file_without_end_or_content_is_refused(device: str) -> None:
    with pytest.raises(ConfigError, match=r"more than 8 MB|expected keys"):
        load_config(device)


NASTY = (
    *("true", "[]", "{}", "null", "-1", "0", "1.5", "1e400", ".nan", "-.inf", "1000000000", "12:30", "2024-01-01"),
    *("''", "' '", f"'{'é' * 300}'", "[[[[]]]]", "{a: {b: c}}", "{1: 2}", "{null: 2}", "[1, 2, 3]"),
    *("[true, 1, 2]", "[.nan, 0, 0]", "[a, a]", "'a:b'", "'${NOT_SET}'", "'~nobody/x'", "'😀'", "=", "!!int x", "!x y"),
)


@pytest.mark.parametrize(
    ("model", "depth"), [(whole_config(), 0), (whole_config(), 2), (TrainingConfig, 2), (CaptionSet, 2)]
)
def test_any_value_at_any_key_is_taken_or_named(tmp_path: Path, model: type[Section], depth: int) -> None:
    """All keys at once, those of sections down to `depth`: nothing may hide what is wrong elsewhere."""
    path = tmp_path / "config.yaml"

    def tree(section: type[BaseModel], nasty: str, depth: int) -> str:
        inner = {name: _sections(field) for name, field in section.model_fields.items()}
        values = {n: tree(found[0], nasty, depth - 1) if found and depth else nasty for n, found in inner.items()}
        return f"{{{', '.join(f'{name}: {value}' for name, value in values.items())}}}"

    for nasty in NASTY:
        path.write_text(tree(model, nasty, depth), encoding="utf-8")
        with pytest.raises(ConfigError) as error:
            parse_yaml_model(path, model)
        assert max(map(len, str(error.value).split("\n"))) < 1000


def test_the_configuration_s_own_folder_may_hold_the_images(tmp_path: Path) -> None:
    assert _load(tmp_path, MINIMAL.replace("{folder: images}", "{folder: .}")).data.folder == tmp_path


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text"])
def test_a_file_without_keys_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="expected keys"):
        _load(tmp_path, text)


def test_what_cannot_be_read_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="found an empty file, expected keys"):
        _load(tmp_path, "")
    with pytest.raises(ConfigError) as missing:
        load_config(tmp_path / "none.yaml")
    assert str(missing.value).count("none.yaml") == 1
    assert "cannot be read (No such file or directory)" in str(missing.value)


@pytest.mark.parametrize(("name", "proposed"), [("my run", "my-run"), ("Größe", "groe"), ("-a", "a"), ("a/b", "a-b")])
def test_a_name_that_no_folder_should_have_is_refused_with_one_that_it_may(
    tmp_path: Path, name: str, proposed: str
) -> None:
    text = "data: {folder: images}\ninspected_model: {torchvision: resnet18}\n"
    with pytest.raises(ConfigError, match=f"line 1, name: found '{name}'; expected letters .* such as '{proposed}'"):
        _load(tmp_path, f"name: '{name}'\n{text}")
    assert _load(tmp_path, f"name: '{proposed}'\n{text}").name == proposed


def test_broken_yaml_and_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not valid YAML"):
        _load(tmp_path, "name: [mine")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    "path", [p for p in sorted(CONFIGS.glob("*.yaml")) if "train" not in p.name], ids=lambda p: p.name
)
def test_every_shipped_configuration_is_valid(path: Path) -> None:
    assert load_config(path).name


def _sections(field: FieldInfo) -> list[type[BaseModel]]:
    candidates = [field.annotation, *get_args(field.annotation)]
    return [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]


def _keys(model: type[BaseModel], prefix: str = "") -> set[str]:
    keys = set()
    for name, field in model.model_fields.items():
        keys.add(prefix + name)
        for section in _sections(field):
            keys |= _keys(section, f"{prefix}{name}.")
    return keys


def keys_of() -> set[str]:
    """Every key of a configuration, with those of the sections that it is in."""
    return _keys(whole_config())


def test_the_reference_configuration_shows_every_key_and_its_comment() -> None:
    """A key is shown as YAML or, where it excludes another one, in a comment; each with its description."""
    text = (CONFIGS / "reference.yaml").read_text(encoding="utf-8")
    uncommented = re.sub(r"^(\s*)#: ", r"\1", text, flags=re.MULTILINE)
    shown: set[str] = set()

    def collect(value: object, prefix: str = "") -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                shown.add(prefix + str(key))
                collect(item, f"{prefix}{key}.")
        elif isinstance(value, list):
            for item in value:
                collect(item, prefix)

    collect(yaml.safe_load(uncommented))
    # arguments of a factory are the user's own names
    shown = {key for key in shown if ".arguments." not in key}
    # the keys of the inspected model, which is shown in full
    again = {f"{section}.{key}" for section in ("feature_model", "comparison.models") for key in _keys(ModelConfig)}
    assert shown - again == _keys(whole_config()) - again

    flat = " ".join(re.sub(r"^\s*#:? ?", "", line) for line in text.splitlines())
    flat = re.sub(r"\s+", " ", flat)

    def described(model: type[BaseModel]) -> None:
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name} has no description"
            assert re.sub(r"\s+", " ", field.description) in flat, f"{model.__name__}.{name} is not explained"
            for section in _sections(field):
                described(section)

    described(whole_config())
