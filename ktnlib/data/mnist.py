"""MNIST, in the idx format it has always had."""

import struct
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from .convert import gunzip
from .labelled import LabelledImages, images_to_tensor, labels_to_tensor
from .obtain import obtain


def mnist() -> LabelledImages:
    """Load MNIST: 60,000 handwritten digits to train on and 10,000 to test.

    Looks below KTNLIB_DATA, then in the user's cache, then downloads (11.6 MB).

    Returns:
        Images (number, 1, 28, 28); labels 0 … 9.

    Raises:
        FileNotFoundError, ConnectionError: the files are nowhere and could not be downloaded.
        ValueError: a file is truncated or altered.

    Source: Y. LeCun et al., Gradient-based learning applied to document recognition, Proc. IEEE 86(11), 1998.
    """
    parts = []
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        numbers = read_idx(obtain("mnist", f"mnist/{name}-ubyte.gz"))
        parts.append(images_to_tensor(numbers) if "images" in name else labels_to_tensor(numbers))
    return LabelledImages(*parts)


def read_idx(path: Path) -> UInt8[np.ndarray, "..."]:
    """An idx file of bytes, packed by gzip or not: 0, 0, 8, number of axes, big-endian lengths, values.

    Raises:
        ValueError: another format, or a file that is longer or shorter than it says.
    """
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gunzip(data)
    if len(data) < 4 or data[:3] != b"\0\0\x08":
        raise ValueError(f"{path} is no idx file of bytes: it begins with {data[:4]!r}")
    start = 4 + 4 * data[3]
    shape = struct.unpack(f">{data[3]}I", data[4:start]) if len(data) >= start else ()
    if len(data) != start + int(np.prod(shape, dtype=np.int64)):
        raise ValueError(f"{path} has {len(data):,} bytes; its header speaks of an array {shape}")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)
