"""One GGUF file, read without llama.cpp: its header, the bytes that a step must read, its footprint in memory."""
