"""Hardware of engine ``edge``: sparse junctions that work on different samples at once."""
