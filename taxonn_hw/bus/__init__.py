"""Register map and bus adapters; the cores know nothing of them."""
