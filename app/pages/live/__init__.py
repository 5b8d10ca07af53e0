"""Parts of the Live page: what is running in words, its tiles, its plots, the sweep's matrix."""
