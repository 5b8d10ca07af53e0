"""Ollama's store: manifests that say which blob holds the weights of which model."""

import json
import re
from pathlib import Path
from typing import Any

MODEL_LAYER = "application/vnd.ollama.image.model"
DEFAULT_HOST = "registry.ollama.ai"
DEFAULT_NAMESPACE = "library"

MAX_MANIFEST_BYTES = 2**20

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


def manifest_name(manifest: Path, manifests: Path) -> str | None:
    """What a user types for the model of this file, "llama3:8b"; None when it does not lie at host/namespace/model/tag."""
    parts = manifest.relative_to(manifests).parts
    if len(parts) != 4:
        return None
    host, namespace, model, tag = parts
    if host != DEFAULT_HOST:
        return f"{host}/{namespace}/{model}:{tag}"
    return f"{model}:{tag}" if namespace == DEFAULT_NAMESPACE else f"{namespace}/{model}:{tag}"


def model_blobs(manifest: Path, blobs: Path) -> list[Path]:
    """The files that hold the weights of a manifest's model; none when it is no such manifest.

    A digest is the only thing taken from the file, and only if it is one: no path can lead out of `blobs`. Raises OSError.
    """
    with open(manifest, "rb") as file:
        text = file.read(MAX_MANIFEST_BYTES)  # what is longer is cut, and then no JSON
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    digests = (layer.get("digest") for layer in _layers(document) if layer.get("mediaType") == MODEL_LAYER)
    matches = (_DIGEST.fullmatch(digest) for digest in digests if isinstance(digest, str))
    return [blobs / f"sha256-{match[1]}" for match in matches if match]


def _layers(document: Any) -> list[dict[str, Any]]:
    layers = document.get("layers") if isinstance(document, dict) else None
    return [layer for layer in layers if isinstance(layer, dict)] if isinstance(layers, list) else []
