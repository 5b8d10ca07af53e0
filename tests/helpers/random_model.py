"""A small llama-like model of random weights in F16 that llama.cpp loads: a source whose quantizations lose as they should."""

from pathlib import Path

import numpy as np
from gguf import GGUFWriter, TokenType

EMBEDDING, FEED_FORWARD, HEADS, KV_HEADS = 256, 512, 4, 2  # every row is a multiple of 256, so no tensor falls back
LOGIT_SPREAD = 2.5  # standard deviation of the logits: some tokens are likely, none is certain


def write_random_model(path: Path, *, blocks: int = 2, vocabulary: int = 512, seed: int = 1, name: str = "Random") -> Path:
    """3 MB. Its vocabulary is the 256 bytes, pairs of lower-case letters, and an end-of-text token."""
    random = np.random.default_rng(seed)
    writer = GGUFWriter(None, "llama")
    writer.add_name(name)
    writer.add_file_type(1)
    writer.add_block_count(blocks)
    writer.add_context_length(2048)
    writer.add_embedding_length(EMBEDDING)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(EMBEDDING // HEADS)
    writer.add_vocab_size(vocabulary)
    add_tokenizer(writer, vocabulary)

    def matrix(rows: int, columns: int, spread: float = 1.0) -> np.ndarray:
        """Of unit input it makes output of this spread."""
        return random.normal(0, spread / np.sqrt(columns), (rows, columns)).astype(np.float16)

    def ones() -> np.ndarray:
        return np.ones(EMBEDDING, np.float32)

    writer.add_tensor("token_embd.weight", random.normal(0, 1, (vocabulary, EMBEDDING)).astype(np.float16))
    writer.add_tensor("output_norm.weight", ones())
    writer.add_tensor("output.weight", matrix(vocabulary, EMBEDDING, LOGIT_SPREAD))
    kv = EMBEDDING // HEADS * KV_HEADS
    for block in range(blocks):
        writer.add_tensor(f"blk.{block}.attn_norm.weight", ones())
        writer.add_tensor(f"blk.{block}.attn_q.weight", matrix(EMBEDDING, EMBEDDING))
        writer.add_tensor(f"blk.{block}.attn_k.weight", matrix(kv, EMBEDDING))
        writer.add_tensor(f"blk.{block}.attn_v.weight", matrix(kv, EMBEDDING))
        writer.add_tensor(f"blk.{block}.attn_output.weight", matrix(EMBEDDING, EMBEDDING))
        writer.add_tensor(f"blk.{block}.ffn_norm.weight", ones())
        writer.add_tensor(f"blk.{block}.ffn_gate.weight", matrix(FEED_FORWARD, EMBEDDING))
        writer.add_tensor(f"blk.{block}.ffn_up.weight", matrix(FEED_FORWARD, EMBEDDING))
        writer.add_tensor(f"blk.{block}.ffn_down.weight", matrix(EMBEDDING, FEED_FORWARD))
    writer.write_header_to_file(path)
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def add_tokenizer(writer: GGUFWriter, vocabulary: int) -> None:
    """A byte-level vocabulary of so many tokens, the last of which ends a text; at least 257."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    pairs = [(first, second) for first in letters for second in letters][: vocabulary - 257]
    tokens = [*_byte_names(), *(first + second for first, second in pairs), "<|end|>"]
    assert len(tokens) == vocabulary
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.NORMAL] * (vocabulary - 1) + [TokenType.CONTROL])
    writer.add_token_merges([f"{first} {second}" for first, second in pairs])
    writer.add_bos_token_id(vocabulary - 1)
    writer.add_eos_token_id(vocabulary - 1)
    writer.add_add_bos_token(True)


def _byte_names() -> list[str]:
    """How byte-level vocabularies write the bytes 0 to 255: printable ones as themselves, the others from U+0100 on."""
    plain = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in plain else chr(next(others)) for byte in range(256)]
