"""Labelled images, split into a training and a test part."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor

from .content import read_npz


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Images in [0, 1], (number, channel, height, width) float32, and their classes, int64."""

    train_images: Float[Tensor, "train channel height width"]
    train_labels: Int64[Tensor, " train"]
    test_images: Float[Tensor, "test channel height width"]
    test_labels: Int64[Tensor, " test"]


def images_to_tensor(
    pixels: Shaped[np.ndarray, "number height width *channel"], *, largest: int = 255
) -> Float[Tensor, "number channels height width"]:
    """Whole numbers 0 … `largest`, grey or with channels last, to float32 in [0, 1] with channels second."""
    images = torch.from_numpy(pixels.astype(np.float32)).div_(largest)
    return images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2).contiguous()


def labels_to_tensor(labels: Shaped[np.ndarray, " number"]) -> Int64[Tensor, " number"]:
    return torch.from_numpy(labels.astype(np.int64))


def read_packed(path: Path) -> LabelledImages:
    """A .npz with x_train, y_train, x_test, y_test: uint8 images, channels last, and whole-number labels.

    Raises:
        FileNotFoundError: there is nothing at `path`.
        ValueError: the file is no .npz; an array is missing or has another type or shape.
    """
    try:
        arrays = read_npz(path)
    except (zipfile.BadZipFile, ValueError) as cause:
        raise ValueError(f"{path} can't be read as .npz without pickles ({cause})") from cause
    for part in ("train", "test"):
        images, labels = arrays.get(f"x_{part}"), arrays.get(f"y_{part}")
        if images is None or labels is None:
            raise ValueError(f"{path} holds {', '.join(arrays)}; wanted x_train, y_train, x_test and y_test")
        whole = images.dtype == np.uint8 and labels.dtype.kind in "iu"
        if not whole or images.ndim != 4 or labels.shape != images.shape[:1]:
            raise ValueError(
                f"x_{part} of {path} is {images.dtype} {images.shape} with labels {labels.dtype} "
                f"{labels.shape}; wanted uint8 (number, height, width, channel) and one whole number an image"
            )
    return LabelledImages(
        images_to_tensor(arrays["x_train"]),
        labels_to_tensor(arrays["y_train"]),
        images_to_tensor(arrays["x_test"]),
        labels_to_tensor(arrays["y_test"]),
    )
