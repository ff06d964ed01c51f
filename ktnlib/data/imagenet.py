"""Photographs of ImageNet, one a class, on which its networks are tried."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from .obtain import obtain
from .pictures import read_picture


class Sample(NamedTuple):
    """One photograph, (1, 3, height, width) float32 RGB in [0, 1]; `label` counts sorted synsets."""

    name: str
    image: Float[Tensor, "1 3 height width"]
    label: int


class ImagenetSamples(Sequence):
    """A list of samples whose pictures are read when they are asked for."""

    def __init__(self, paths: Sequence[Path]):
        self._paths = tuple(paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int | slice) -> "Sample | ImagenetSamples":
        if isinstance(index, slice):
            return ImagenetSamples(self._paths[index])
        path = self._paths[index]
        return Sample(path.stem, read_picture(path), int(path.stem.partition("_")[0]))


def imagenet_samples(*, folder: Path | None = None) -> ImagenetSamples:
    """List 500 photographs of 256 × 256 pixels, one of every second class, from below KTNLIB_DATA.

    Args:
        folder: your own photographs instead, named sorted class index_synset.jpg.

    Returns:
        A lazy sequence of (name, image, label).

    Raises:
        FileNotFoundError: the photographs are nowhere (the message says how to get them), or `folder` holds
            none.
        ValueError: they are altered, or a name in `folder` doesn't begin with a class index.

    Source: O. Russakovsky et al., ImageNet large scale visual recognition challenge, IJCV 115, 2015.
    """
    place = folder or obtain("imagenet256", "images/imagenet256")
    paths = sorted(place.glob("*.jpg"))
    if not paths:
        raise FileNotFoundError(f"there is no .jpg in {place}; wanted photographs like 0002_n01484850.jpg")
    for path in paths:
        if not path.stem.partition("_")[0].isdecimal():
            raise ValueError(f"{path} doesn't say its class; wanted a name like 0002_n01484850.jpg")
    return ImagenetSamples(paths)


def imagenet_classes() -> tuple[str, ...]:
    """The names of the 1,000 classes in the order of the labels, from below KTNLIB_DATA.

    Raises:
        FileNotFoundError: the list is nowhere; the message says how to get it.
        ValueError: it is truncated or altered.
    """
    text = obtain("imagenet256", "weights/imagenet1000_labels.txt").read_text(encoding="utf-8")
    return tuple(text.splitlines())
