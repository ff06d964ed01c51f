"""Test images: noise with a seed, and smooth functions of the direction."""

import numpy as np
import torch

from . import rays


def noise(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def smooth(directions):
    """A polynomial of the direction without any symmetry: (..., 3) to (...)."""
    x, y, z = np.moveaxis(directions / np.linalg.norm(directions, axis=-1, keepdims=True), -1, 0)
    return 0.5 + 0.3 * x - 0.2 * y + 0.25 * z + 0.4 * x * y - 0.3 * y * z + 0.2 * x * z * z


def smooth_panorama(height):
    return torch.as_tensor(smooth(rays.pixel_directions(height, 2 * height)))[None, None]


def worst(got, wanted):
    """Largest absolute difference, and where."""
    difference = (torch.as_tensor(got) - torch.as_tensor(wanted)).abs()
    where = np.unravel_index(int(difference.argmax()), difference.shape)
    return f"largest difference {difference.max().item():.3g} at {tuple(map(int, where))}"


def assert_close(got, wanted, tolerance):
    got, wanted = torch.as_tensor(got), torch.as_tensor(wanted)
    assert got.shape == wanted.shape
    assert bool(((got - wanted).abs() <= tolerance).all()), worst(got, wanted)
