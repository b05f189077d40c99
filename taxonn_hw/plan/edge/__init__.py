"""Plan of engine ``edge``: sparse junctions, interleavers, memories, clocks (Dey et al.)."""
