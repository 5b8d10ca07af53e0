"""The measured process: the only caller of llama_cpp. Started by name as a child process, imported by nobody."""
