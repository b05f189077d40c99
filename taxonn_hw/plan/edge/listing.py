"""What ``taxonn check --program`` prints: which sample each junction works on when."""

from .network import EdgeNetwork

__all__ = ["junction_listing"]


def junction_listing(network: EdgeNetwork) -> str:
    """Return the junction pipeline as text: a line an operation, with the junction cycle in which
    it takes sample ``n`` and the inputs whose updates it does not see yet."""
    n = len(network.layers)
    lines = [f"{'operation':18} {'junction cycle':15} {'lanes':>6} {'updates not yet seen':>20}",
             f"{'load':18} {'n':15}"]

    def line(name: str, cycle: int, lanes: int, stale: int) -> None:
        lines.append(f"{name:18} {f'n + {cycle}':15} {lanes:6} {stale:20}")

    for j in network.layers:
        line(f"forward {j.index}", j.index, j.z, 2 * (n - j.index) + 1)
    if network.config.training:
        for j in reversed(network.layers):
            cycle = 2 * n + 1 - j.index
            if j.index > 1:
                line(f"backward {j.index}", cycle, j.z, 0)
            line(f"update {j.index}", cycle, j.z, 0)
    return "\n".join(lines)
