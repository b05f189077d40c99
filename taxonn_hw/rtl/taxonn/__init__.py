"""Engine ``taxonn``: SGD as three elements on one array of lanes."""
