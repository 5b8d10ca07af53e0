"""Tells PyInstaller of llama.cpp's own libraries, which llama_cpp opens by name.

A wheel holds each of them three times, under the names that are links elsewhere. Two are used: `.so` by the opening, `.so.0` by
the other libraries.
"""

from PyInstaller.utils.hooks import collect_dynamic_libs

binaries = collect_dynamic_libs("llama_cpp", search_patterns=["*.so", "*.so.[0-9]", "*.dylib", "*.dll"])
