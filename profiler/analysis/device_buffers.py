"""The engine's buffers by device, as llama.cpp's load log names them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

MAIN_MEMORY = "main memory"
_HOST = re.compile(r"(CPU|AMX)(_.*)?|.*_Host")  # what ggml calls memory of the processor, a GPU's pinned staging memory included
_MODEL = "model buffer size"


@dataclass(frozen=True, slots=True)
class DeviceBuffers:
    """What one device holds.

    Attributes:
        weights_bytes: a mapped file counts from the first to the last tensor that lies there.
        other_bytes: the KV cache, states, compute and output buffers.
    """

    weights_bytes: int = 0
    other_bytes: int = 0


def is_in_main_memory(buffer: str) -> bool:
    """Whether a buffer of this name ("Vulkan_Host compute buffer size") lies in main memory."""
    return _HOST.fullmatch(buffer.split()[0]) is not None


def by_device(buffers: Mapping[str, int]) -> dict[str, DeviceBuffers]:
    """What each device holds, by ggml's name of it ("Vulkan0"), main memory first; empty when no buffer is known."""
    found: dict[str, DeviceBuffers] = {}
    for name, size in sorted(buffers.items(), key=lambda item: not is_in_main_memory(item[0])):
        device = MAIN_MEMORY if is_in_main_memory(name) else name.split()[0]
        held = found.get(device, DeviceBuffers())
        is_weights = name.endswith(_MODEL)
        found[device] = DeviceBuffers(
            held.weights_bytes + (size if is_weights else 0), held.other_bytes + (0 if is_weights else size)
        )
    return found
