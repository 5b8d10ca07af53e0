"""The models on this computer: which files there are, and quantizations made from them."""
