"""Sizes as programs of torch.export write them, `Add(FloorDiv(Symbol('s0', integer=True), Integer(2)), Integer(1))`.

The loader hands these texts to sympy, which evaluates them as Python. What is let through is arithmetic on integers and
on symbols, by its syntax tree: a short list of names, called with numbers, symbols and more of the same.
"""

import ast
import re

from barlow_report.vision.program_files import Refused

__all__ = ["check_expression"]

MAX_LENGTH = 20_000
MAX_DIGITS = 40
MAX_POWER = 16

_FUNCTIONS = """
Abs Add And CeilDiv CeilToInt CleanDiv Eq Equality FloatTrueDiv FloorDiv FloorToInt Ge GreaterThan Gt Identity
IntTrueDiv Integer Le LessThan Lt Max Min Mod ModularIndexing Mul Ne Not Or PythonMod Rational RoundDecimal RoundToInt
StrictGreaterThan StrictLessThan ToFloat TruncToFloat TruncToInt Unequality Where ceiling floor sqrt
"""
_POWERS = frozenset({"FloatPow", "LShift", "Pow", "PowByNatural"})
_CONSTANTS = frozenset({"true", "false", "True", "False", "oo"})
_SYMBOL = re.compile(r"(s|u|zf|zuf|i|f)\d{1,6}")
_ASSUMPTION = re.compile(r"[a-z_]{1,30}")
_OPERATIONS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod)
_COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def check_expression(text: object) -> str:
    """Return `text`, if it is arithmetic on integers and symbols.

    Raises:
        Refused: It is anything else.
    """
    if not isinstance(text, str) or len(text) > MAX_LENGTH or not text.isascii():
        raise Refused(f"the size {_shown(text)} is not arithmetic")
    try:
        _check(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Refused(f"the size {_shown(text)} is not arithmetic") from error
    return text


def _check(node: ast.expr) -> None:
    match node:
        case ast.Constant(value=bool() | int() | float()) if len(repr(node.value)) <= MAX_DIGITS:
            pass
        case ast.Name(id=name) if name in _CONSTANTS or _SYMBOL.fullmatch(name):
            pass
        case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
            _check(node.operand)
        case ast.BinOp() if isinstance(node.op, _OPERATIONS):
            _check(node.left)
            _check(node.right)
        case ast.BinOp(op=ast.Pow()):
            _check_power(node.left, node.right)
        case ast.Compare() if all(isinstance(op, _COMPARISONS) for op in node.ops):
            for part in (node.left, *node.comparators):
                _check(part)
        case ast.Call(func=ast.Name(id="Symbol"), args=[ast.Constant(value=str(name))]) if _SYMBOL.fullmatch(name):
            for keyword in node.keywords:
                _check_assumption(keyword)
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in _POWERS and len(node.args) == 2:
            _check_power(*node.args)
        case ast.Call(func=ast.Name(id="Float"), args=[ast.Constant(value=str(digits)), *_]):
            _check_float(node, digits)
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in _FUNCTIONS.split():
            for part in node.args:
                _check(part)
        case _:
            raise ValueError(ast.dump(node)[:50])


def _check_power(base: ast.expr, exponent: ast.expr) -> None:
    """Powers of a symbol or number by a small number: powers of powers would run for ever."""
    if _number(base) is None and not _is_symbol(base):
        raise ValueError("power of an expression")
    _check(base)
    power = _number(exponent)
    if power is None or abs(power) > MAX_POWER:
        raise ValueError("power by an expression or by a large number")


def _number(node: ast.expr) -> float | None:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.UnaryOp(op=ast.USub()):
            return _number(node.operand)
        case ast.Call(func=ast.Name(id="Integer"), args=[number], keywords=[]):
            return _number(number)
    return None


def _is_symbol(node: ast.expr) -> bool:
    match node:
        case ast.Name() | ast.Call(func=ast.Name(id="Symbol")):
            return True
    return False


def _check_assumption(keyword: ast.keyword) -> None:
    value = keyword.value
    if not (keyword.arg and _ASSUMPTION.fullmatch(keyword.arg)) or not isinstance(value, ast.Constant):
        raise ValueError("no assumption")
    if not isinstance(value.value, bool):
        raise ValueError("no assumption")


def _check_float(node: ast.Call, digits: str) -> None:
    """`Float('0.5', precision=53)`."""
    numbers = [*node.args[1:], *(keyword.value for keyword in node.keywords)]
    if not re.fullmatch(r"-?[0-9.]{1,40}(e[+-]?[0-9]{1,3})?", digits) or not all(
        isinstance(number, ast.Constant) and isinstance(number.value, int) and number.value < 1000 for number in numbers
    ):
        raise ValueError("no number")


def _shown(text: object) -> str:
    return ascii(text)[:80]
