"""A GGUF with all its quantized matrices in another type: the same shapes and words, other bytes."""

from pathlib import Path

from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter
from gguf.quants import dequantize, quantize

_PLAIN = {GGMLQuantizationType.F32, GGMLQuantizationType.F16}
_OF_THE_WRITER = {"GGUF.version", "GGUF.tensor_count", "GGUF.kv_count", "general.architecture"}


def requantized(source: Path, path: Path, tensor_type: GGMLQuantizationType) -> Path:
    """Write it, by the gguf package's own quantization: no llama.cpp takes part."""
    reader = GGUFReader(source)
    writer = GGUFWriter(None, reader.fields["general.architecture"].contents())
    for name, field in reader.fields.items():
        if name not in _OF_THE_WRITER:
            sub_type = field.types[-1] if field.types[0] is GGUFValueType.ARRAY else None
            writer.add_key_value(name, field.contents(), field.types[0], sub_type)
    for tensor in reader.tensors:
        if tensor.tensor_type in _PLAIN:
            writer.add_tensor(tensor.name, tensor.data)
        else:
            writer.add_tensor(
                tensor.name, quantize(dequantize(tensor.data, tensor.tensor_type), tensor_type), raw_dtype=tensor_type
            )
    writer.write_header_to_file(path)
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
