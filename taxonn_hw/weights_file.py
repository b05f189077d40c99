"""Weights in a file: an npz with the codes ``W1 b1 W2 b2 ...`` and the formats they are in."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np

from .config_hash import canonical_config
from .errors import UserError
from .files import write_file
from .golden.weights import Parameters
from .plan.base import Plan

__all__ = ["load_weights", "save_weights"]


def save_weights(path: Path, plan: Plan, parameters: Parameters) -> None:
    """Write ``parameters`` at ``path``, whole or not at all."""
    arrays = {"config": np.array(json.dumps(canonical_config(plan.config), sort_keys=True))}
    for layer, (weight, bias) in zip(plan.layers, parameters, strict=True):
        arrays[f"W{layer.index}"], arrays[f"b{layer.index}"] = weight, bias
        arrays[f"formats{layer.index}"] = np.array(_formats(layer))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_file(Path(path), buffer.getvalue())


def load_weights(path: Path, plan: Plan) -> Parameters:
    """Return the parameters in the file ``path``.

    Raises
    ------
    UserError
        When the file cannot be read, or belongs to a network of other sizes or formats.
    """
    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except OSError as error:
        reason = error.strerror or "not an npz file"
        raise UserError(f"cannot read weights {str(path)!r}: {reason}") from None
    except (ValueError, zipfile.BadZipFile, EOFError, AttributeError, zipfile.zlib.error):
        raise UserError(f"cannot read weights {str(path)!r}: not an npz file") from None
    return [_layer(path.name, arrays, layer) for layer in plan.layers]


def _formats(layer) -> str:
    return f"{layer.formats.weight} {layer.formats.bias}"


def _layer(name: str, arrays: dict, layer) -> tuple[np.ndarray, np.ndarray]:
    pair = []
    for key, shape, fmt in ((f"W{layer.index}", layer.weight_shape, layer.formats.weight),
                            (f"b{layer.index}", layer.weight_shape[:1], layer.formats.bias)):
        if key not in arrays:
            raise UserError(f"{name} has no {key}: it is not of a net of this depth")
        array = arrays[key]
        if array.shape != shape:
            raise UserError(f"{name}: {key} must have the shape {list(shape)}, "
                            f"not {list(array.shape)}")
        if array.dtype.kind not in "iu":
            raise UserError(f"{name}: {key} must hold integer codes, not {array.dtype}")
        if array.size and not (fmt.lo <= array.min() and array.max() <= fmt.hi):
            raise UserError(f"{name}: {key} has a code outside {fmt}, "
                            f"{fmt.lo} to {fmt.hi}")
        pair.append(array.astype(np.int64))
    found = str(arrays.get(f"formats{layer.index}", _formats(layer)))
    if found != _formats(layer):
        raise UserError(f"{name}: layer {layer.index} has weight and bias in {found}, "
                        f"the network in {_formats(layer)}")
    return pair[0], pair[1]
