"""The job "describe": which llama.cpp this is, its backends, its devices and the file types that it makes."""

import ctypes
from typing import Any

import llama_cpp
from llama_cpp import llama_cpp as api

from profiler.engine.ggml_library import function
from profiler.engine.quantization_types import makeable_types

_DEVICE_KINDS = {0: "cpu", 1: "gpu", 2: "igpu", 3: "accelerator"}


def describe_engine() -> dict[str, Any]:
    """The document that `records.fingerprint.EngineIdentity` and `Device` are made from."""
    devices = list(_devices())
    return {
        "llama_cpp_python": llama_cpp.__version__,
        "backends": sorted({device["backend"] for device in devices}),
        "system_info": api.llama_print_system_info().decode("utf-8", "replace").strip(),
        "supports_gpu_offload": bool(api.llama_supports_gpu_offload()),
        "devices": devices,
        "quantization_types": list(makeable_types()),
    }


def _devices() -> list[dict[str, Any]]:
    """Devices that ggml lists; the calls are not bound by llama-cpp-python but reached through its own loaded library."""
    count = function("ggml_backend_dev_count", ctypes.c_size_t)
    get = function("ggml_backend_dev_get", ctypes.c_void_p, ctypes.c_size_t)
    description = function("ggml_backend_dev_description", ctypes.c_char_p, ctypes.c_void_p)
    kind = function("ggml_backend_dev_type", ctypes.c_int, ctypes.c_void_p)
    registry = function("ggml_backend_dev_backend_reg", ctypes.c_void_p, ctypes.c_void_p)
    registry_name = function("ggml_backend_reg_name", ctypes.c_char_p, ctypes.c_void_p)
    size = ctypes.POINTER(ctypes.c_size_t)
    memory = function("ggml_backend_dev_memory", None, ctypes.c_void_p, size, size)
    found = []
    for index in range(count()):
        device = get(index)
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        memory(device, ctypes.byref(free), ctypes.byref(total))
        device_kind = _DEVICE_KINDS.get(kind(device), "accelerator")
        has_own_memory = device_kind == "gpu"
        found.append(
            {
                "name": description(device).decode("utf-8", "replace"),
                "kind": device_kind,
                "backend": registry_name(registry(device)).decode("utf-8", "replace"),
                "vram_total_bytes": total.value if has_own_memory else None,
                "vram_free_bytes": free.value if has_own_memory else None,
                "driver": None,
            }
        )
    return found
