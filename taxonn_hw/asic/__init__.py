"""Standard cells: the variants that are compared, their area and their power."""
