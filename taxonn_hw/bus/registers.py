"""The register map, as data: RTL, driver, sidecar and C header are made from it.

Registers are 32-bit words; a write takes effect at the clock of ``w_stb``, read data is valid the
clock after ``r_stb``.
"""

from dataclasses import dataclass, field

__all__ = ["FIELDS", "IDENTITY", "REGISTERS", "VERSION", "Register", "register_map"]

IDENTITY = 0x54584E31  # "TXN1"
VERSION = 1


@dataclass(frozen=True)
class Register:
    """One register: word address, access (``r``, ``w`` or ``rw``), bit fields by name."""

    address: int
    access: str
    doc: str
    fields: dict[str, int] = field(default_factory=dict)


REGISTERS = {
    "identity": Register(0x00, "r", "constant 0x54584E31"),
    "version": Register(0x01, "r", "version of this map"),
    "config_hash": Register(0x02, "r", "first 32 bits of the configuration's sha256"),
    "geometry": Register(0x03, "r", "lanes [15:0], words of a weight beat [23:16], "
                                    "elements of a sample beat [31:24]"),
    "control": Register(0x04, "rw", "strobes act once; levels stay", {
        "start": 0,      # strobe: run `samples` samples
        "stop": 1,       # strobe: finish the sample in flight, then stop
        "clear": 2,      # strobe: zero the counters
        "restart": 3,    # strobe: the random generator goes back to sample 0
        "train": 4,      # level: train (1) or infer (0)
        "results": 5,    # level: emit the outputs of every sample
        "flush": 6,      # strobe, while idle: drop samples that are loaded and not begun
    }),
    "status": Register(0x05, "r", "what the accelerator does", {
        "busy": 0,       # samples are being worked on
        "moving": 1,     # weights are being loaded or dumped
        "can_train": 2,  # the build has the training hardware
    }),
    "samples": Register(0x06, "rw", "samples to run on start"),
    "rate": Register(0x07, "rw", "learning-rate exponent k, step 2**-k"),
    "cycles_low": Register(0x08, "r", "clocks from first slot to last write, low word"),
    "cycles_high": Register(0x09, "r", "its high word"),
    "samples_done": Register(0x0A, "r", "samples finished since the counters were cleared"),
    "slots_low": Register(0x0B, "r", "clocks in which the array took a multiply slot, low word"),
    "slots_high": Register(0x0C, "r", "its high word"),
    "weight_row": Register(0x0D, "rw", "first row (or scalar bias) to move"),
    "weight_count": Register(0x0E, "rw", "rows (or scalar biases) to move"),
    "weight_command": Register(0x0F, "w", "starts a move on the weight streams", {
        "load": 0,       # strobe: i_weights -> memory
        "dump": 1,       # strobe: memory -> o_weights
        "bias": 2,       # with load or dump: the scalar bias memory
    }),
    "scratch": Register(0x10, "rw", "no effect"),
    "predicted": Register(0x11, "r", "class of the last sample, by its largest output "
                                     "(engine edge; else 0, as the two below)"),
    "correct": Register(0x12, "r", "training samples that were predicted right before they were "
                                   "learnt, since the counters were cleared"),
    "correct_recent": Register(0x13, "r", "those among the last 1000 training samples"),
    "resident_words": Register(0x14, "r", "words of the resident memory; 0: there is none"),
    "resident": Register(0x15, "rw", "what beats on i_samples are; a write begins afresh, without "
                                     "either they are samples", {
        "fill": 0,       # level: words for the resident memory, from its first on
        "replay": 1,     # level: places of samples in it, which then train or are inferred
    }),
    "network": Register(0x16, "rw", "loadable builds: first 32 bits of the hash of the network "
                                    "that is loaded, 0: none; written when its tables are"),
    "program_address": Register(0x17, "rw", "loadable builds: table [18:16] and word [15:0] to be "
                                            "written; unloads the network"),
    "program_data": Register(0x18, "w", "loadable builds: the next 32 bits of that word; after its "
                                        "last the next word"),
}

#: Bit position of every field, by ``register.field``.
FIELDS = {f"{name}.{bit}": position for name, register in REGISTERS.items()
          for bit, position in register.fields.items()}


def register_map() -> dict:
    """Return the map for the sidecar: name -> address, access, doc, fields."""
    return {name: {"address": r.address, "access": r.access, "doc": r.doc, "fields": r.fields}
            for name, r in REGISTERS.items()}
