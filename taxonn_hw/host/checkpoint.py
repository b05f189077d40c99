"""Checkpoints: what a training run needs to go on after its board has lost everything."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..config_hash import config_hash
from ..errors import UserError
from ..files import write_file
from ..golden.weights import Parameters
from ..plan.base import Plan

__all__ = ["Checkpoint", "load_checkpoint", "save_checkpoint"]


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Weights and biases after ``samples`` training samples of a run from its beginning."""

    parameters: Parameters
    samples: int


def save_checkpoint(path: Path, plan: Plan, checkpoint: Checkpoint) -> None:
    """Write ``checkpoint`` at ``path`` (npz); whoever reads it sees the old one or the new one."""
    arrays = {"config_hash": np.array(config_hash(plan.config), dtype=np.int64),
              "samples": np.array(checkpoint.samples, dtype=np.int64)}
    for k, (weight, bias) in enumerate(checkpoint.parameters, 1):
        arrays[f"W{k}"], arrays[f"b{k}"] = weight, bias
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_file(Path(path), buffer.getvalue())


def load_checkpoint(path: Path, plan: Plan) -> Checkpoint:
    """Return the checkpoint in the file ``path``.

    Raises
    ------
    UserError
        When the file cannot be read, or belongs to another configuration.
    """
    name = str(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        found, samples = int(arrays["config_hash"]), int(arrays["samples"])
        parameters = [(arrays[f"W{k}"], arrays[f"b{k}"]) for k in range(1, len(plan.layers) + 1)]
    except OSError as error:
        reason = error.strerror or "not a checkpoint"
        raise UserError(f"cannot read checkpoint {name!r}: {reason}") from None
    except (ValueError, KeyError, zipfile.BadZipFile, EOFError, zipfile.zlib.error):
        raise UserError(f"cannot read checkpoint {name!r}: not a checkpoint") from None
    if found != config_hash(plan.config):
        raise UserError(f"checkpoint {name!r} is of another configuration: {found:08x}, "
                        f"not {config_hash(plan.config):08x}")
    return Checkpoint(parameters=parameters, samples=samples)
