"""From a configuration and a board to a bitstream with its measured timing."""
