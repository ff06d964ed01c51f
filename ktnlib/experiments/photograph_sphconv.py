"""SphConv: row kernels of the networks that read photographs, fitted on pictures few others read."""

import functools

import torch
from torch import Tensor

from ktnlib import data
from ktnlib.sphere import to_sphere
from ktnlib.sphere.fitting import fit_sphconv

from .photograph_readers import Reader, read_converted, source
from .placed_photographs import ANGLES, Subject, panorama_with, panoramas_at

FITTED_ON = 10  # panoramas, two of each angle


def sphconv_reader(subject: Subject, method: str) -> Reader:
    """The reader of the network with row kernels of its own in every convolution larger than 1 × 1."""
    options = {"until": subject.until, "spacing": subject.spacing}
    kernels = fit_sphconv(source(subject), fitting_panoramas(subject), **options)
    network = to_sphere(source(subject), method="sphconv", transformer=kernels, **options)
    return functools.partial(read_converted, subject, network)


def fitting_panoramas(subject: Subject) -> Tensor:
    """(panorama, channel, height, width): the last ones at every angle, whose pictures are read by few."""
    pictures = len(data.digits().test_labels if subject.pictures == "digits" else data.imagenet_samples())
    found = []
    for number in range(FITTED_ON):
        angle = ANGLES[number % len(ANGLES)]
        last = panoramas_at(angle, pictures) - 1
        found.append(panorama_with(subject, angle, last - number // len(ANGLES))[0])
    return torch.cat(found)
