"""Which operations a program from a file may have: those that compute on tensors and reach nothing else.

The rule is by what an operation takes. One that takes no text can name no file, process or address; those that do take
text are listed here, each because its text is a mode, an equation or a message. Of 3,900 operations of torch 2.14 in
the namespaces below, this leaves out `aten::save` and `aten::from_file`. Every other namespace is left out whole:
`image` of torchvision writes files, `c10d` opens connections, `inductor` compiles.
"""

import functools
import re
from typing import Any

import torch
import torchvision  # noqa: F401  (registers its operations)

__all__ = ["NAMESPACES", "forbidden_names", "is_harmless"]

NAMESPACES = frozenset({"aten", "prim", "prims", "quantized", "quantized_decomposed", "torchvision"})

_TEXT = re.compile(r"(?<!Dict\[)\b(str|Any)\b")  # a dictionary by texts is none
_TAKES_TEXT = """
# modes of operations on tensors
__interpolate __upsample _convolution_mode conv1d conv2d conv3d div div_ divide divide_ einsum gelu gelu_
gelu_backward index_reduce index_reduce_ meshgrid nanquantile pad pad_sequence quantile scatter scatter_
scatter_reduce scatter_reduce_ searchsorted segment_reduce stft fft_fft fft_fft2 fft_fftn fft_hfft fft_hfft2 fft_hfftn
fft_ifft fft_ifft2 fft_ifftn fft_ihfft fft_ihfft2 fft_ihfftn fft_irfft fft_irfft2 fft_irfftn fft_rfft fft_rfft2
fft_rfftn linalg_cond linalg_eigh linalg_eigvalsh linalg_lstsq linalg_matrix_norm linalg_norm linalg_qr linalg_svd
linalg_svdvals _linalg_check_errors _linalg_eigh _linalg_svd _segment_reduce_backward _sparse_mm dequantize device
get_autocast_dtype conv2d_unpack_sizes
# messages of checks
_assert_async _assert_scalar _functional_assert_async _functional_assert_scalar warn
# texts, lists of texts, and dictionaries whose keys are texts
Delete Float Int __contains__ __getitem__ _set_item add any capitalize center count dict endswith eq expandtabs find
format ge get gt index isalnum isalpha isdecimal isdigit isidentifier islower isnumeric isprintable isspace istitle
isupper join le len list ljust lower lstrip lt ne ord partition percentFormat pop remove replace rfind rindex rjust
rpartition rsplit rstrip setdefault slice sort sorted split splitlines startswith strip swapcase title upper zfill
"""
_PRIM = """
ConstantChunk EnumName EnumValue IfThenElse ModuleContainerIndex NumToTensor Print RaiseException StringIndex
TupleIndex TupleUnpack Uninitialized VarConcat VarStack abs data device dtype grad id index is_cpu is_cuda is_ipu
is_maia is_meta is_mkldnn is_mps is_mtia is_nested is_quantized is_sparse is_sparse_csr is_vulkan is_xla is_xpu
itemsize layout max min name nbytes rangelist requires_grad tolist type unchecked_cast unchecked_unwrap_optional
"""
_SPECIAL_FORMS = frozenset({"rpc_sync", "rpc_async", "rpc_remote"})


def is_harmless(schema: Any) -> bool:
    """Whether an operation, given by its schema, computes on tensors, numbers and texts only."""
    namespace, _, name = schema.name.partition("::")
    if namespace == "prim":
        return name in _PRIM.split()
    if namespace not in NAMESPACES:
        return False
    return name in _TAKES_TEXT.split() or not any(_TEXT.search(str(argument.type)) for argument in schema.arguments)


@functools.cache
def forbidden_names() -> frozenset[str]:
    """The names of operations, without namespace, that no program from a file may use."""
    schemas = torch._C._jit_get_all_schemas()
    named = {schema.name.partition("::")[2] for schema in schemas if _is_built_in(schema) and not is_harmless(schema)}
    return frozenset(named) | _SPECIAL_FORMS


def _is_built_in(schema: Any) -> bool:
    """Whether TorchScript calls it without a namespace: `torch.<name>` or a method of a tensor."""
    return str(schema.name).startswith("aten::")
