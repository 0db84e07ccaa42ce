"""Programs made by an attacker: nothing of them runs, and the message says why."""

import io
import json
import re
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import nn

from barlow_report.config import ModelConfig, PreprocessingConfig
from barlow_report.errors import ModelError
from barlow_report.vision.expressions import check_expression
from barlow_report.vision.loading import load_model
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.operations import forbidden_names
from barlow_report.vision.program_files import Refused
from tests.vision.toys import CPU

Json = Any
SIDE = 8
CODE = "__import__('pathlib').Path(%r).touch()"


class Small(nn.Module):
    """Mean colours and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.logits(x)

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.fc(x.relu().mean((2, 3)))
        return logits


class Writes(Small):
    """Saves its input."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.save(x, "written")
        return self.logits(x)


class Maps(Small):
    """Opens a file, which it makes."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.logits(x) + torch.from_file("written", shared=True, size=1)


class Restores(Small):
    """Saves while it is loaded."""

    @torch.jit.export
    def __getstate__(self) -> tuple[torch.Tensor, bool]:
        return self.fc.weight, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[torch.Tensor, bool]) -> None:
        torch.save(state[0], "written")
        self.training = state[1]


class Outer(Small):
    """Holds a module that saves its input, and never calls it."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Writes()


@pytest.fixture(autouse=True)
def _in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("programs") / "good.pt2"
    shapes = ({0: torch.export.Dim("batch"), 2: torch.export.Dim.AUTO},)
    torch.export.save(torch.export.export(Small().eval(), (torch.rand(2, 3, SIDE, SIDE),), dynamic_shapes=shapes), path)
    return path


def _load(path: Path, **settings: Any) -> LoadedModel:
    spec = ModelConfig(program=path, preprocessing=PreprocessingConfig(crop=SIDE), **settings)
    return load_model(spec, device=CPU, role="inspected_model", needs_features=False)


def _script(model: nn.Module, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that TorchScript's development has ended
        torch.jit.script(model.eval()).save(str(path))  # type: ignore[no-untyped-call]


def _changed(source: Path, target: Path, change: Callable[[str, bytes], bytes]) -> None:
    """Copy an archive with its members changed; `change` is given their names without the folder."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name.partition("/")[2], old.read(name)))


def _with_graph(source: Path, target: Path, change: Callable[[Json], object]) -> None:
    """Copy a program with its graph changed in place."""

    def changed(name: str, content: bytes) -> bytes:
        if name != "models/model.json":
            return content
        program = json.loads(content)
        change(program)
        return json.dumps(program).encode()

    _changed(source, target, changed)


def _graph(program: Json) -> Json:
    return program["graph_module"]["graph"]


def _set_size(program: Json, text: str) -> None:
    _graph(program)["tensor_values"]["x"]["sizes"][3] = {"as_expr": {"expr_str": text, "hint": {"as_int": SIDE}}}


def _renamed(program: Json, old: str, new: str) -> None:
    text = json.dumps(program).replace(json.dumps(old), json.dumps(new))
    program.clear()
    program.update(json.loads(text))


def _add_node(program: Json, target: str, argument: Json) -> None:
    node: Json = {
        "target": target,
        "inputs": [{"name": "", "arg": argument, "kind": 1}],
        "outputs": [],
        "metadata": {},
        "is_hop_single_tensor_return": None,
        "name": "added",
    }
    _graph(program)["nodes"].append(node)


def _set_tree(program: Json, tree: Json) -> None:
    program["graph_module"]["module_call_graph"][0]["signature"]["in_spec"] = json.dumps([1, tree])


BRANCH = {"type": "builtins.tuple", "context": "null", "children_spec": []}
ATTACKS: dict[str, tuple[Callable[[Json, str], object], str]] = {
    "a size": (lambda p, code: _set_size(p, code), "is not arithmetic"),
    "a size in a size": (lambda p, code: _set_size(p, f"Integer({code!r})"), "is not arithmetic"),
    "a symbol": (lambda p, code: _set_size(p, f"Symbol({code!r}, integer=True)"), "is not arithmetic"),
    "an assumption": (lambda p, code: _set_size(p, f"Symbol('s1', integer={code})"), "is not arithmetic"),
    "the name of a value": (lambda p, code: _renamed(p, "relu", f"relu = 1; {code}; x"), "is not a name"),
    "the name of the input": (lambda p, code: _renamed(p, "x", f"x={code}"), "is not a name"),
    "the name of a weight": (lambda p, code: _renamed(p, "fc.weight", f"fc.{code}"), "is not a name"),
    "a function": (lambda p, _: _add_node(p, "torch.os.system", {"as_string": "touch written"}), "torch.os.system"),
    "a method": (lambda p, _: _add_node(p, "_operator.methodcaller", {"as_string": "x"}), "methodcaller"),
    "a file": (lambda p, _: _add_node(p, "torch.ops.aten.from_file.default", {"as_string": "w"}), "from_file"),
    "another library": (
        lambda p, _: _add_node(p, "torch.ops.image.write_file.default", {"as_string": "written"}),
        "image.write_file",
    ),
    "an operation as argument": (
        lambda p, _: _add_node(p, "torch.ops.higher_order.cond", {"as_operator": "torch.hub.load"}),
        "torch.hub.load",
    ),
    "a tree of inputs": (
        lambda p, _: _set_tree(p, {**BRANCH, "type": "collections.defaultdict", "context": {"a": "b"}}),
        "it takes or returns 'collections.defaultdict'",
    ),
    "an object": (
        lambda p, _: _graph(p)["custom_obj_values"].update(x={"name": "x", "class_fqn": "c10d.FileStore"}),
        "need unpickling",
    ),
    "depth": (lambda p, _: _renamed(p, "relu", "[" * 100), "is not a name"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_code_in_the_graph_of_an_exported_program_is_refused(exported: Path, tmp_path: Path, attack: str) -> None:
    marker = tmp_path / "written"
    change, told = ATTACKS[attack]
    _with_graph(exported, tmp_path / "bad.pt2", lambda program: change(program, CODE % str(marker)))
    with pytest.raises(
        ModelError, match=rf"was not loaded, because .*{re.escape(told)}.*'allow_unsafe_weights: bad.pt2'"
    ):
        _load(tmp_path / "bad.pt2")
    assert not marker.exists()


def test_a_program_is_run_as_it_is_only_where_it_is_allowed_by_name(exported: Path, tmp_path: Path) -> None:
    marker = tmp_path / "written"
    code = f"{CODE % str(marker)} or Integer({SIDE})"
    _with_graph(exported, tmp_path / "bad.pt2", lambda program: _set_size(program, code))
    with pytest.raises(ValueError, match="is not the name of the file of weights or program"):
        _load(tmp_path / "bad.pt2", allow_unsafe_weights="good.pt2")
    assert not marker.exists()
    assert _load(tmp_path / "bad.pt2", allow_unsafe_weights="bad.pt2").n_outputs == 2
    assert marker.exists(), "the attack does nothing, so that its test shows nothing"


def test_parts_of_a_program_that_do_not_compute_are_left_out(exported: Path, tmp_path: Path) -> None:
    marker = tmp_path / "written"
    code = CODE % str(marker)

    def change(program: Json) -> None:
        program["guards_code"] = [f"{code} is None"]
        for node in _graph(program)["nodes"]:
            node["metadata"] = {"source_fn_stack": f"a,{code}", "custom": "{}", "stack_trace": code}

    _with_graph(exported, tmp_path / "odd.pt2", change)
    with zipfile.ZipFile(tmp_path / "odd.pt2", "a") as archive:
        archive.writestr("good/extra/notes.txt", "notes")
        archive.writestr("good/data/constants/opaque_obj_0", b"cos\nsystem\n(S'touch written'\ntR.")
        archive.writestr("good/data/aotinductor/model/a.so", b"\x7fELF")
    images = torch.rand(3, 3, SIDE, SIDE)
    assert torch.equal(_load(tmp_path / "odd.pt2").predict(images), _load(exported).predict(images))
    assert not marker.exists()


class Unpickled:
    """Stands for code in a file."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("open('written', 'w').close()",))


def _saved(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("layout", ["torch 2.7", "torch 2.8"])
def test_programs_of_former_versions_are_read_without_unpickling_code(
    exported: Path, tmp_path: Path, layout: str
) -> None:
    with zipfile.ZipFile(exported) as archive:
        old = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    is_oldest = layout == "torch 2.7"
    torch.manual_seed(3)
    state = dict(Small().named_parameters())
    for content in (state, Unpickled()):
        with zipfile.ZipFile(tmp_path / "old.pt2", "w") as new:
            if is_oldest:
                new.writestr("version", "8.5")
                new.writestr("serialized_exported_program.json", old["models/model.json"])
                new.writestr("serialized_state_dict.pt", _saved(content))
                new.writestr("serialized_constants.pt", _saved({}))
                new.writestr("serialized_example_inputs.pt", _saved(Unpickled()))
            else:
                for name in old.keys() - {"data/weights/model_weights_config.json"}:
                    new.writestr(f"old/{name}", old[name])
                new.writestr("old/data/weights/model.pt", _saved(content))
        if content is state:
            found = dict(_load(tmp_path / "old.pt2").module.named_parameters())
            assert any(torch.equal(value, state["fc.weight"]) for value in found.values())
        else:
            with pytest.raises(ModelError, match=r"cannot be loaded by torch.*Weights only load failed"):
                _load(tmp_path / "old.pt2")
    assert not (tmp_path / "written").exists()


@pytest.mark.parametrize("place", ["models/model.json", "archive_version"])
def test_a_name_that_is_twice_in_an_archive_is_refused(exported: Path, tmp_path: Path, place: str) -> None:
    _changed(exported, tmp_path / "bad.pt2", lambda _, content: content)
    with zipfile.ZipFile(tmp_path / "bad.pt2", "a") as archive:
        archive.writestr(f"other/{place}", b"{}")
    with pytest.raises(ModelError, match=f"holds '{place}' twice"):
        _load(tmp_path / "bad.pt2")


def test_what_is_checked_is_what_is_loaded(exported: Path, tmp_path: Path) -> None:
    """A key of JSON that is there twice, and another archive before the first."""
    marker = tmp_path / "written"

    def twice(name: str, content: bytes) -> bytes:
        if name != "models/model.json":
            return content
        return content.replace(b'"expr_str": ', b'"expr_str": "%s", "expr_str": ' % (CODE % str(marker)).encode())

    _changed(exported, tmp_path / "twice.pt2", twice)
    _with_graph(exported, tmp_path / "evil.pt2", lambda program: _set_size(program, CODE % str(marker)))
    (tmp_path / "two.pt2").write_bytes((tmp_path / "evil.pt2").read_bytes() + exported.read_bytes())
    for name in ("twice.pt2", "two.pt2"):
        assert _load(tmp_path / name).n_outputs == 2
    assert not marker.exists()


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"graph_module": 3}', b"[" * 100_000])
def test_a_graph_that_is_none_is_a_clear_error(exported: Path, tmp_path: Path, content: bytes) -> None:
    _changed(exported, tmp_path / "bad.pt2", lambda name, old: content if name == "models/model.json" else old)
    with pytest.raises(ModelError, match=r"was not loaded, because its graph"):
        _load(tmp_path / "bad.pt2")


@pytest.mark.parametrize(
    "text",
    [
        "s77",
        "Symbol('s77', positive=True, integer=True)",
        "Add(FloorDiv(Add(Symbol('s0', integer=True), Integer(-1)), Integer(32)), Integer(1))",
        "Min(Integer(768), Mul(Integer(768), Symbol('s77', positive=True, integer=True)))",
        "Eq(Mod(s0, 4), 0)",
        "Pow(Symbol('s0', integer=True), Integer(2))",
        "2*s0**2 - (s1 + 1)//2",
        "IntTrueDiv(s0, Float('0.5', precision=53))",
    ],
)
def test_sizes_that_are_arithmetic_are_let_through(text: str) -> None:
    assert check_expression(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')", "().__class__", "s0.__class__", "S('x')", "sympify('x')", "lambda: 1", "[s0]", "s0[0]",
        "9**9**9**9", "Pow(Pow(9, 9), 9)", "Pow(9, 99999999)", "LShift(1, 99999999)", "Integer('7')", "Float('x')",
        "Symbol('s0', integer=print())", "Symbol('print()')", "f'{s0}'", "s0 if s1 else s2", "print", "(s0 := 3)",
        "1" * 30_000, "(" * 5000, "Add(*s0)", "ｓ0", "",
    ],
)  # fmt: skip
def test_sizes_that_are_anything_else_are_refused(text: str) -> None:
    with pytest.raises(Refused, match="is not arithmetic"):
        check_expression(text)


@pytest.mark.parametrize("model", [Writes(), Maps(), Restores(), Outer()], ids=lambda model: type(model).__name__)
def test_a_script_that_writes_or_maps_files_is_refused_before_it_is_loaded(tmp_path: Path, model: nn.Module) -> None:
    _script(model, tmp_path / "bad.ts")
    with pytest.raises(ModelError, match=r"bad.ts was not loaded, because its code uses '(save|from_file)'"):
        _load(tmp_path / "bad.ts")
    assert not (tmp_path / "written").exists()


def test_a_script_is_run_as_it_is_only_where_it_is_allowed_by_name(tmp_path: Path) -> None:
    _script(Writes(), tmp_path / "mine.ts")
    assert _load(tmp_path / "mine.ts", allow_unsafe_weights="mine.ts").n_outputs == 2
    assert (tmp_path / "written").exists()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"x: Tensor)", b'x: Tensor, y: NoneType=torch.save(3, "written"))', "'save'"),
        (b"torch.relu", b'torch.from_file("written", True, 4)\n    _9 = torch.relu', "'from_file'"),
        (b"torch.relu(x)", b"ops.image.read_file(x)", "image::read_file"),
        (b"torch.relu(x)", b"ops.prim.PythonOp(x)", "prim::PythonOp"),
        (b"torch.relu(x)", b"ops.aten.save(x)", "'save'"),
        (b"torch.relu(x)", b"(ops. \\\n image).read_file(x)", "'ops."),
        (b"torch.relu(x)", b"x\n    o = ops\n    _9 = o.image.read_file(x)", "'ops"),
        (b"torch.relu(x)", b"x\n    o = ops.image\n    _9 = o.read_file(x)", "'ops"),
        (b"torch.relu(x)", b'getattr(torch, "s\\x61ve")(x, "written")', "'getattr"),
        (b"torch.relu(x)", b'getattr(torch, "sa" "ve")(x, "written")', "'getattr"),
        (b"torch.relu(x)", b"x\n    g = getattr", "'getattr"),
        (b"torch.relu(x)", b'torch.format("\\163ave", x)', "'\\\\163"),
        (b"torch.relu(x)", b'rpc_async("host", x)', "'rpc_async'"),
        (b"x: Tensor)", b"x: __torch__.torch.classes.c10d.FileStore)", "'__torch__.torch.classes.c10d.FileStore"),
        (b"x: Tensor)", b"x: __torch__.torch.#\n  classes.c10d.FileStore)", "'__torch__.torch."),
        (b"x: Tensor)", b"x: __torch__.torch.classes\n  .c10d.FileStore)", "'__torch__.torch.classes"),
        (b"torch.relu(x)", b"x\n    o = __torch__.torch\n    _9 = o.classes", "'__torch__.torch"),
        (b"torch.relu(x)", b"x\n    o = __torch__\n    _9 = o.torch.classes", "'__torch__"),
    ],
)
def test_the_code_of_a_script_names_known_operations_only(tmp_path: Path, old: bytes, new: bytes, told: str) -> None:
    _script(Small(), tmp_path / "good.ts")
    _changed(tmp_path / "good.ts", tmp_path / "bad.ts", lambda _, content: content.replace(old, new))
    with pytest.raises(ModelError, match=rf"was not loaded, because its code uses {re.escape(told)}"):
        _load(tmp_path / "bad.ts")
    assert not (tmp_path / "written").exists()


def test_a_script_with_objects_of_other_classes_is_refused(tmp_path: Path) -> None:
    _script(Small(), tmp_path / "good.ts")
    pickled = b"\x80\x02c__torch__.torch.classes.c10d\nFileStore\n)\x81."
    _changed(tmp_path / "good.ts", tmp_path / "bad.ts", lambda name, old: pickled if name == "data.pkl" else old)
    with pytest.raises(ModelError, match="objects of classes other than tensors and modules"):
        _load(tmp_path / "bad.ts")


def test_words_that_only_look_like_operations_do_not_stand_in_the_way(tmp_path: Path) -> None:
    class Named(Small):
        def __init__(self) -> None:
            super().__init__()
            self.classes = ["save the cat", "ops."]
            self.num_classes = 2

    _script(Named(), tmp_path / "model.ts")
    assert _load(tmp_path / "model.ts").n_outputs == 2
    _script(nn.Sequential(torchvision.ops.Permute([0, 1, 2, 3]), Small()), tmp_path / "library.ts")
    with zipfile.ZipFile(tmp_path / "library.ts") as archive:
        assert any(b".ops.misc.Permute" in archive.read(name) for name in archive.namelist())
    assert _load(tmp_path / "library.ts").n_outputs == 2


def test_few_operations_are_forbidden_by_name() -> None:
    assert {"save", "from_file"} <= forbidden_names()
    assert len(forbidden_names()) < 30, "a release of torch brought operations that take text: sort them"
