"""What it is worth: hardware on its devices, the same networks on a computer, simulators."""
