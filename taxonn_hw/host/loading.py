"""Loading a network into a loadable build through its registers."""

from ..bus.registers import FIELDS
from ..plan.loadable import LoadedNetwork
from ..rtl.taxonn.loading import network_hash, program_writes

__all__ = ["load_tables"]


def load_tables(device, plan: LoadedNetwork) -> str | None:
    """Write the tables of ``plan``, unless the driver ``device`` finds them there.

    Returns why that cannot be now, None when it is done.  Raises UserError when the network does
    not fit the build.
    """
    if device.read("network") == network_hash(plan):
        return None
    writes = program_writes(plan)
    if device.read("status") >> FIELDS["status.busy"] & 1:
        return "a network cannot be loaded while samples are worked on"
    device.flush()
    for name, value in writes:
        device.write(name, value)
    device.await_moves("the clearing of deltas", plan.build.program.vector_rows)
    device.restart()
    return None
