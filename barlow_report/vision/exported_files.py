"""What a program of torch.export may hold to be loaded: weights as plain numbers, and a graph of known operations.

torch's loader runs what a file tells it to: it evaluates sizes as Python, imports modules that a tree of inputs names,
looks operations up by any dotted name, unpickles constants, and compiles the names of values and the guards into the
source of a function. Here every text of the file has one of a few forms (a name, a known operation, a size that is
arithmetic); what is not needed to run the graph is left out (guards, stack traces, sample inputs, other files).
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import torch

from barlow_report.vision.expressions import check_expression
from barlow_report.vision.operations import is_harmless
from barlow_report.vision.program_files import Refused, read_json

__all__ = ["MODEL", "OLD_MODEL", "checked_export"]

MODEL = "models/model.json"
OLD_MODEL = "serialized_exported_program.json"
"""Where torch 2.7 and before wrote the graph."""

_CONFIGS = ("data/weights/model_weights_config.json", "data/constants/model_constants_config.json")
_TENSORS = re.compile(r"data/(weights/(weight_\d+|model\.pt)|constants/(tensor_\d+|model\.pt))")
_OLD_TENSORS = {
    "serialized_state_dict.pt": "data/weights/model.pt",
    "serialized_constants.pt": "data/constants/model.pt",
}
"""The same for tensors, and where they are now; the loader unpickles these, and only tensors."""
_PLAIN = ("archive_version", "archive_format", "byteorder", ".data/version")
_PLAIN_OF_OLD = {"archive_version": b"0", "archive_format": b"pt2", "byteorder": b"little", ".data/version": b"6\n"}

_NAME = re.compile(r"([A-Za-z_]\w{0,500})?", re.ASCII)
_DOTTED = re.compile(r"[\w.-]{0,1000}", re.ASCII)
_WORDS = re.compile(r"[\w ,.>-]{0,500}", re.ASCII)
_OPERATION = re.compile(r"torch\.ops\.(\w+)\.(\w+)\.(\w+)", re.ASCII)
_INFINITIES = ("Infinity", "-Infinity", "NaN")

_DOTTED_KEYS = ("parameter_name", "buffer_name", "tensor_constant_name", "fqn")
_LEFT_OUT: dict[str, Any] = {"metadata": {}, "guards_code": [], "treespec_namedtuple_fields": {}, "torch_version": ""}
_NO_OBJECTS = ("as_custom_obj", "custom_obj", "custom_obj_values")
_ON_NUMBERS = """
_operator.eq _operator.ne _operator.le _operator.ge _operator.lt _operator.gt _operator.neg _operator.pos
_operator.mul _operator.add _operator.sub _operator.floordiv _operator.mod _operator.pow _operator.truediv
_operator.and_ _operator.or_ _operator.getitem math.trunc math.ceil math.floor torch.sym_not torch.sym_int
torch.sym_float torch.sym_ite torch.sym_max torch.sym_min torch.sym_sqrt torch._sym_sqrt
"""
_WITH_GRAPHS = frozenset(
    f"torch.ops.higher_order.{n}" for n in ("wrap_with_set_grad_enabled", "wrap_with_autocast", "cond")
)
_TREES = ("builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict")


def checked_export(members: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the members of an archive that run the graph, written anew from what was checked.

    Raises:
        Refused: It holds what could do more than compute.
    """
    graph = members.get(MODEL)
    if graph is None:
        graph = members[OLD_MODEL]
        moved = {_OLD_TENSORS[name]: content for name, content in members.items() if name in _OLD_TENSORS}
        members = {**_PLAIN_OF_OLD, **moved}
    kept = {name: content for name, content in members.items() if name in _PLAIN or _TENSORS.fullmatch(name)}
    kept |= {name: _checked_config(members[name], name) for name in _CONFIGS if name in members}
    return {**kept, "data/sample_inputs/model.pt": b"", MODEL: _checked_graph(graph)}


def _checked_config(content: bytes, name: str) -> bytes:
    """The list of the tensors, none of which is pickled."""
    config = read_json(content, name=name)
    try:
        for entry in config["config"].values():
            if entry["use_pickle"] or not re.fullmatch(r"(weight|tensor)_\d+", entry["path_name"]):
                raise Refused(f"it holds objects that need unpickling ({ascii(entry['path_name'])[:80]})")
        config = {"config": {_dotted(key): _checked(entry) for key, entry in config["config"].items()}}
    except (KeyError, TypeError, AttributeError) as error:
        raise Refused(f"{name} has another form than torch.export writes") from error
    return json.dumps(config).encode()


def _checked_graph(content: bytes) -> bytes:
    program = read_json(content, name="its graph")
    try:
        calls = program["graph_module"]["module_call_graph"]
        program["graph_module"]["module_call_graph"] = calls[:1]  # the others are parts of the model, for unflattening
        ranges = program.pop("range_constraints")
        checked = {**_checked(program), "range_constraints": _checked_ranges(ranges)}
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise Refused("its graph has another form than torch.export writes") from error
    except RecursionError as error:
        raise Refused("its graph is nested too deeply") from error
    return json.dumps(checked).encode()


def _checked_ranges(ranges: Mapping[str, Any]) -> dict[str, Any]:
    return {check_expression(symbol): _checked(limits) for symbol, limits in ranges.items()}


def _checked(value: Any, key: str = "") -> Any:
    """A copy of a part of the graph; `key` is the name that it stands under."""
    if key in _LEFT_OUT and not (isinstance(value, dict) and "dtype" in value):  # a tensor may be called metadata
        return _LEFT_OUT[key]
    if key in _NO_OBJECTS and value:
        raise Refused("it holds objects that need unpickling")
    if isinstance(value, dict):
        return {_name(name): _checked(entry, name) for name, entry in value.items()}
    if isinstance(value, list):
        return [_checked(entry, key) for entry in value]
    if isinstance(value, str):
        return _CHECKS.get(key, _name)(value)
    return value


def _name(text: str) -> str:
    if not _NAME.fullmatch(text) and text not in _INFINITIES:
        raise Refused(f"{ascii(text)[:80]} is not a name")
    return text


def _dotted(text: str) -> str:
    if not _DOTTED.fullmatch(text) or any(re.fullmatch("__.*__", part) for part in text.split(".")):
        raise Refused(f"{ascii(text)[:80]} is not a name")
    return text


def _words(text: str) -> str:
    """The text of an argument: a mode or an equation; what cannot be one is the message of a check."""
    return text if _WORDS.fullmatch(text) else "a check of the program failed"


def _operation(text: str) -> str:
    if text in _ON_NUMBERS.split() or text in _WITH_GRAPHS:
        return text
    found = _OPERATION.fullmatch(text)
    if found:
        namespace, name, overload = found.groups()
        try:
            schema = torch._C._get_schema(f"{namespace}::{name}", "" if overload == "default" else overload)
        except RuntimeError as error:
            raise Refused(f"it uses {text}, which is not known here") from error
        if is_harmless(schema):
            return text
    raise Refused(f"it uses {ascii(text)[:80]}, which can do more than compute on tensors")


def _tree(text: str) -> str:
    """The layout of the inputs or outputs: tuples, lists and dictionaries."""
    version, spec = read_json(text.encode(), name="the layout of its inputs")
    return json.dumps([version, _checked_tree(spec)])


def _checked_tree(spec: Any) -> Any:
    kind, context = spec["type"], spec["context"]
    children = [_checked_tree(child) for child in spec["children_spec"]]
    if kind is not None and kind not in _TREES:
        raise Refused(f"it takes or returns {ascii(kind)[:80]}, expected tensors, tuples, lists and dictionaries")
    if context is not None:
        keys = read_json(context.encode(), name="the layout of its inputs")
        if keys is not None and not (isinstance(keys, list) and all(isinstance(key, str | int) for key in keys)):
            raise Refused("the layout of its inputs is unknown")
        context = json.dumps(keys)
    return {"type": kind, "context": context, "children_spec": children}


_CHECKS: dict[str, Callable[[str], str]] = {
    **dict.fromkeys(_DOTTED_KEYS, _dotted),
    **dict.fromkeys(("target", "as_operator"), _operation),
    **dict.fromkeys(("in_spec", "out_spec"), _tree),
    **dict.fromkeys(("as_string", "as_strings"), _words),
    "expr_str": check_expression,
}
