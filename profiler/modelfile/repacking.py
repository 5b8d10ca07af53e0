"""Which matrices llama.cpp's CPU backend lays out anew for a processor's instructions, and how large their copies are.

After the rules of `ggml-cpu/amx` and `ggml-cpu/repack.cpp` of llama-cpp-python 0.3.36 on x86-64. The originals lie in the mapped
file: once the copies are made the system may drop those pages, so that a machine must hold the one or the other.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from profiler.modelfile.costs import Role, step_tensors
from profiler.modelfile.description import ModelDescription
from profiler.modelfile.ggml_types import tensor_type_named
from profiler.modelfile.header import TensorInfo

_AMX_SETS = frozenset({"AMX_INT8", "AVX512_VNNI"})
_AMX_ROWS = 32  # two tiles of 16
_AMX_ROW_ELEMENTS = {"Q4_0": 32, "Q4_1": 32, "Q8_0": 32, "Q4_K": 256, "Q5_K": 256, "Q6_K": 256, "IQ4_XS": 256, "F16": 16}
_AMX_MORE_BYTES = {"Q8_0": 4, "Q4_K": 4, "Q5_K": 4, "IQ4_XS": 2}  # of each block, beside its own
_REPACK_ROWS = 8
_REPACK_SET = {"Q4_0": "AVX2", "Q4_K": "AVX2", "IQ4_NL": "AVX2", "MXFP4": "AVX2", "Q2_K": "AVX512F"}
_NO_MATMUL = ("ssm_conv1d.weight", "shortconv.conv.weight")  # counted as products, carried out by another operation


@dataclass(frozen=True, slots=True)
class Repacked:
    """Matrices that are laid out anew.

    Attributes:
        original_bytes: they take in the file; of a tied embedding, which stays where it is as the table, nothing.
        copy_bytes: their copies take.
    """

    original_bytes: int = 0
    copy_bytes: int = 0

    @property
    def more_bytes(self) -> int:
        """What must be held beside the weights as the file has them, once the originals may be dropped."""
        return self.copy_bytes - self.original_bytes


def repacked(
    description: ModelDescription, instruction_sets: Iterable[str], *, layers: Collection[int], output: bool
) -> Repacked | None:
    """What is laid out anew of these layers, and of the output where it is on the processor.

    Args:
        description: the model.
        instruction_sets: the processor's (`records.fingerprint.Cpu`); of other kinds than x86-64 nothing is known here.
        layers: those that the processor carries out.
        output: whether it carries out the output, too.

    Returns:
        None for a model whose matrices are not understood.
    """
    tensors = step_tensors(description)
    if tensors is None:
        return None
    sets = frozenset(instruction_sets)
    original = copies = 0
    for each in tensors:
        is_here = output if each.layer is None else each.layer in layers
        if not is_here or each.role not in (Role.MATRIX, Role.OUTPUT, Role.EXPERTS) or each.tensor.name.endswith(_NO_MATMUL):
            continue
        copy_bytes = _copy_bytes(each.tensor, sets, is_experts=each.role is Role.EXPERTS)
        copies += copy_bytes
        is_table_too = each.role is Role.OUTPUT and not each.tensor.name.startswith("output")
        original += each.tensor.bytes if copy_bytes and not is_table_too else 0
    return Repacked(original, copies)


def _copy_bytes(tensor: TensorInfo, sets: frozenset[str], *, is_experts: bool) -> int:
    """0 where a matrix stays as it is. AMX comes first, and takes no experts."""
    if len(tensor.shape) < 2:
        return 0
    elements, rows = tensor.shape[0], tensor.shape[1]
    alignment = _AMX_ROW_ELEMENTS.get(tensor.dtype)
    if sets >= _AMX_SETS and not is_experts and alignment is not None and not elements % alignment and not rows % _AMX_ROWS:
        kind = tensor_type_named(tensor.dtype)
        more = _AMX_MORE_BYTES.get(tensor.dtype, 0)
        return tensor.bytes + (tensor.elements // kind.block_elements * more if kind is not None else 0)
    has_kernel = _REPACK_SET.get(tensor.dtype) in sets
    return tensor.bytes if has_kernel and not rows % _REPACK_ROWS else 0
