"""From a published file to the file that is kept: one small function each, from bytes to bytes."""

import gzip
import io
import pickle
import struct
import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np

from ktnlib.check import choice

from .content import arrays_to_npz
from .radiance import hdr_to_png

LARGEST = 64 * 2**20  # bytes an archive may unpack to; MNIST's training images take 47 MB

# what reading a damaged archive, pickle or table may raise, beside ValueError
_DAMAGED = (
    *(struct.error, pickle.UnpicklingError, zlib.error, EOFError, OSError, LookupError),
    *(TypeError, AttributeError, RuntimeError),
)

# squeeze, expand 1x1, expand 3x3 outputs of SqueezeNet 1.1's fire2 … fire9
FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))


def convert(kind: str, parts: Sequence[bytes]) -> bytes:
    """Turn the published files of one data file, whose hashes have been checked, into the file that is kept.

    Raises:
        ValueError: an unknown kind; bytes that are not what the kind reads.
    """
    choice("convert", kind, CONVERTERS)
    try:
        return CONVERTERS[kind](*parts)
    except _DAMAGED as cause:
        raise ValueError(f"the published file is not what {kind!r} reads ({cause})") from cause


def keep(published: bytes) -> bytes:
    return published


def gunzip(packed: bytes) -> bytes:
    """Uncompress one gzip file, at most `LARGEST` bytes of it."""
    with gzip.open(io.BytesIO(packed)) as stream:
        plain = stream.read(LARGEST + 1)
    if len(plain) > LARGEST:
        raise ValueError(f"the gzip file unpacks to more than {LARGEST:,} bytes")
    return plain


def darknet_to_npz(weights: bytes, labels: bytes) -> bytes:
    """Tiny Darknet with its batch norm folded in: W = k g/(√v + 1e-6), b = β − m g/(√v + 1e-6).

    `weights`: 16 bytes of header, then float32: per convolution β, g, m, v and k, without norm b and k.
    `labels`: the classes' synsets in the net's own order; the map to their sorted order is kept too.
    """
    numbers, start = np.frombuffer(weights, "<f4", offset=16).astype(np.float64), 0
    arrays: dict[str, np.ndarray] = {}

    def take(*shape: int) -> np.ndarray:
        nonlocal start
        start += int(np.prod(shape))
        return numbers[start - int(np.prod(shape)) : start].reshape(shape)

    for layer, (inputs, outputs, size) in enumerate(DARKNET):
        last = layer == len(DARKNET) - 1
        beta = take(outputs)
        gain, mean, variance = (np.ones(1), np.zeros(1), None) if last else (take(outputs) for _ in range(3))
        kernel = take(outputs, inputs, size, size)
        scale = gain if last else gain / (np.sqrt(variance) + 1e-6)
        arrays[f"conv{layer:02d}.weight"] = (kernel * scale[:, None, None, None]).astype(np.float32)
        arrays[f"conv{layer:02d}.bias"] = (beta - mean * scale).astype(np.float32)
    if start != len(numbers):
        raise ValueError(f"a Tiny Darknet has {start:,} numbers, this file {len(numbers):,}")
    synsets = labels.decode("ascii").split()[: DARKNET[-1][1]]
    rank = {synset: place for place, synset in enumerate(sorted(synsets))}
    arrays["class_to_sorted_synset"] = np.array([rank[synset] for synset in synsets], dtype=np.int16)
    return arrays_to_npz(arrays)


def half_to_npz(numbers: bytes) -> bytes:
    """SqueezeNet 1.1 as one run of float16: weights, then bias, layer after layer."""
    flat, start, arrays = np.frombuffer(numbers, "<f2"), 0, {}
    for name, *shape in _squeezenet_layers():
        for part, dims in (("weight", shape), ("bias", shape[:1])):
            arrays[f"{name}.{part}"] = flat[start : start + int(np.prod(dims))].reshape(dims)
            start += int(np.prod(dims))
    if start != len(flat):
        raise ValueError(f"a SqueezeNet 1.1 has {start:,} numbers, this file {len(flat):,}")
    return arrays_to_npz(arrays)


def _squeezenet_layers() -> list[tuple]:
    layers, inputs = [("conv1", 64, 3, 3, 3)], 64
    for number, (squeeze, expand) in enumerate(FIRES, 2):
        layers.append((f"fire{number}/squeeze1x1", squeeze, inputs, 1, 1))
        layers.append((f"fire{number}/expand1x1", expand, squeeze, 1, 1))
        layers.append((f"fire{number}/expand3x3", expand, squeeze, 3, 3))
        inputs = 2 * expand
    return [*layers, ("conv10", 1000, inputs, 1, 1)]


def checkpoint_to_npz(checkpoint: bytes) -> bytes:
    """The tensors of a torch checkpoint, read without running what a pickle may ask for."""
    import torch

    loaded = torch.load(io.BytesIO(checkpoint), map_location="cpu", weights_only=True)
    state = loaded.get("state_dict", loaded)
    arrays = {name.removeprefix("module."): value.numpy() for name, value in state.items()}
    return arrays_to_npz({name: array for name, array in arrays.items() if array.ndim})


def lens_to_npz(published: bytes) -> bytes:
    """The grid of point spread functions out of a .npy that holds one pickled dictionary."""
    if not published.startswith(b"\x93NUMPY\x01\x00"):
        raise ValueError("the file is no .npy of version 1.0")
    (header,) = struct.unpack_from("<H", published, 8)
    record = _ArraysOnly(io.BytesIO(published[10 + header :])).load().item()
    return arrays_to_npz({"psf": record["psf_matrix"]})


class _ArraysOnly(pickle.Unpickler):
    """Reads NumPy arrays; torch tensors become None, anything else is refused."""

    def find_class(self, module: str, name: str):
        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(np, name)
        if (module.replace("_core", "core"), name) == ("numpy.core.multiarray", "_reconstruct"):
            return np.zeros(0).__reduce__()[0]
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) in (("torch.storage", "_load_from_bytes"), ("torch._utils", "_rebuild_tensor_v2")):
            return lambda *_: None
        raise pickle.UnpicklingError(f"{module}.{name} is not read")


# inputs, outputs, kernel size of Tiny Darknet's convolutions
DARKNET = (
    (3, 16, 3),
    (16, 32, 3),
    (32, 16, 1),
    (16, 128, 3),
    (128, 16, 1),
    (16, 128, 3),
    (128, 32, 1),
    (32, 256, 3),
    (256, 32, 1),
    (32, 256, 3),
    (256, 64, 1),
    (64, 512, 3),
    (512, 64, 1),
    (64, 512, 3),
    (512, 128, 1),
    (128, 1000, 1),
)
CONVERTERS: dict[str, Callable[..., bytes]] = {
    "keep": keep,
    "gunzip": gunzip,
    "darknet": darknet_to_npz,
    "half-run": half_to_npz,
    "torch-weights-only": checkpoint_to_npz,
    "arrays-only": lens_to_npz,
    "hdr-tonemap": hdr_to_png,
}
