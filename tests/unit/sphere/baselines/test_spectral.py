"""Layers that stand on other people's transforms: what they are on the sphere, not in their own terms."""

import numpy as np
import pytest
import torch

from ktnlib.sphere import EquirectGrid
from ktnlib.sphere.baselines.disco import DiscoConv2d
from ktnlib.sphere.baselines.peers import peer
from ktnlib.sphere.baselines.s2cnn import RotationConv, SphereToRotations, rotation_mean
from ktnlib.sphere.baselines.zonal import ZonalConv2d, gauss_rows

from .. import rays
from ..images import smooth


@pytest.fixture
def harmonics():
    pytest.importorskip("torch_harmonics", reason="torch-harmonics is not installed")
    return peer("torch-harmonics")


@pytest.fixture
def rotations():
    # e3nn warns on import; the layers import it by `peer`, which keeps that from the reader
    try:
        return peer("e3nn")
    except ImportError:
        pytest.skip("e3nn is not installed")


TURN = rays.turn_about(np.array([0.6, 0.0, 0.8]), 1.1)


def worlds(height):
    """A smooth world and the same one turned, both evaluated where the pixels look: nothing interpolated."""
    directions = rays.pixel_directions(height, 2 * height)
    pair = np.stack([smooth(directions), smooth(directions @ TURN)])
    return torch.as_tensor(pair)[:, None].float()


def at_gauss(function, height):
    """A function of the direction at the Gauss-Legendre latitudes, (1, 1, height, 2·height)."""
    sines = np.polynomial.legendre.leggauss(height)[0][::-1]
    longitude = EquirectGrid(height).longitudes.numpy()
    level = np.sqrt(1 - sines**2)
    directions = np.stack(
        np.broadcast_arrays(
            level[:, None] * np.cos(longitude), level[:, None] * np.sin(longitude), sines[:, None]
        ),
        axis=-1,
    )
    return torch.as_tensor(function(directions))[None, None].float()


def test_rows_are_read_at_the_latitudes_that_quadrature_wants():
    found, wanted = gauss_rows(worlds(24)[:1]), at_gauss(smooth, 24)
    assert (found - wanted).abs().max() < 1e-3


def test_a_zonal_filter_multiplies_each_degree_by_its_own_number(harmonics):
    layer = ZonalConv2d(1, 1, height=12, anchors=6)
    transfer = torch.tensor([0.5, -2.0, 3.0, 0.0, 0.0, 0.0])
    layer.load_state_dict({"weight": transfer.view(1, 1, 6), "bias": torch.tensor([0.25])}, strict=False)
    degrees = {0: lambda d: 1 + 0 * d[..., 0], 1: lambda d: d[..., 1], 2: lambda d: d[..., 0] * d[..., 2]}
    for degree, function in degrees.items():
        x = at_gauss(function, 12)
        assert (layer(x) - 0.25 - transfer[degree] * x).abs().max() < 1e-5, degree


def test_a_zonal_layer_commutes_with_any_rotation(harmonics):
    layer = ZonalConv2d(1, 3, height=24, out_height=12, generator=torch.Generator().manual_seed(0))
    assert layer(at_gauss(smooth, 24)).shape == (1, 3, 12, 24)
    same = ZonalConv2d(1, 3, height=24)
    there = same(torch.cat([at_gauss(smooth, 24), at_gauss(lambda d: smooth(d @ TURN), 24)]))
    # the largest of a band-limited function over all directions does not turn; a grid sees it to a little
    assert (there[0].amax((1, 2)) - there[1].amax((1, 2))).abs().max() < 0.02 * there.std()
    mean = there * torch.as_tensor(np.polynomial.legendre.leggauss(24)[1]).float()[:, None]
    assert (mean[0].sum((1, 2)) - mean[1].sum((1, 2))).abs().max() < 1e-4


def test_disco_keeps_a_constant_even_and_turns_with_the_longitude(harmonics):
    torch.manual_seed(0)
    layer = DiscoConv2d(2, 3, height=12, out_height=6, radius=0.7)
    out = layer(torch.ones(1, 2, 12, 24))
    assert out.shape == (1, 3, 6, 12)
    assert out.std((2, 3)).max() < 0.02 * out.abs().max()
    x = torch.rand(1, 2, 12, 24)
    assert (layer(x.roll(4, -1)) - layer(x).roll(2, -1)).abs().max() < 1e-5


def test_the_mean_over_rotations_does_not_see_a_rotation(rotations):
    torch.manual_seed(0)
    first = SphereToRotations(1, 4, height=16, degrees=6)
    second = RotationConv(4, 3, in_degrees=6, degrees=4)
    maps = first(worlds(16))
    assert maps.shape == (2, 4, 12, 12, 12)
    # a square has twice the degrees of a degree-3 world, which the grid still integrates exactly
    for found in (maps, second(maps)):
        one, other = rotation_mean(found.square())
        assert (one - other).abs().max() < 1e-4 * one.abs().max()
        assert (found[0] - found[1]).abs().max() > 0.1 * found.std()


PURE = {1: lambda d: d[..., 0] - 2 * d[..., 1], 2: lambda d: d[..., 0] * d[..., 2] + d[..., 0] * d[..., 1]}


@pytest.mark.parametrize("degree", PURE)
def test_every_rotation_correlates_the_panorama_with_the_turned_filter(degree, rotations):
    """The filter as a function on the sphere, turned, times a world of one degree, summed over all pixels."""
    height, generator = 16, torch.Generator().manual_seed(0)
    layer = SphereToRotations(1, 1, height=height, degrees=4, generator=generator)
    directions = rays.pixel_directions(height, 2 * height)
    world = torch.as_tensor(PURE[degree](directions)).float()
    found = layer(world[None, None])[0, 0].detach()
    weighted = (world * EquirectGrid(height).solid_angles.float()[:, None]).flatten()
    # e3nn's north is y and its longitude 0 is z; its first column lies where ours does
    first = EquirectGrid(height).longitudes[0]
    axes = torch.as_tensor(directions).float().flatten(0, 1)[:, [1, 2, 0]]
    coefficients = torch.einsum("oip,pn->n", layer.weight, layer.harmonics).detach()
    pairs = []
    for a, b, c in [(0, 0, 0), (3, 2, 1), (5, 6, 4), (1, 4, 7), (6, 1, 2), (2, 7, 5)]:
        turn = layer.grid.alpha[a] + first.float(), layer.grid.beta[b], layer.grid.gamma[c]
        back = axes @ rotations.angles_to_matrix(*turn).float()
        harmonics = rotations.spherical_harmonics([*range(4)], back, True, normalization="norm")
        pairs.append((weighted @ (harmonics @ coefficients), found[a, b, c]))
    summed, answered = torch.tensor(pairs).T
    # a degree's own scale is the grid's
    scale = (summed @ answered) / (summed @ summed)
    assert (answered - scale * summed).abs().max() < 0.01 * answered.abs().max()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ZonalConv2d(1, 1, height=7), "`height` is 7 for maps of 7 rows; wanted an even number"),
        (lambda: ZonalConv2d(1, 1, height=8, out_height=10), "`out_height` is 10 for maps of 8 rows"),
        (lambda: ZonalConv2d(1, 1, height=8, anchors=1), "`anchors` is 1; wanted at least 2"),
        (
            lambda: DiscoConv2d(1, 1, height=8, out_height=3, radius=0.5),
            "`out_height` is 3; wanted a div",
        ),
        (lambda: DiscoConv2d(1, 1, height=8, radius=4.0), "`radius` is 4; wanted more than 0 and less"),
    ],
)
@pytest.mark.usefixtures("as_a_user", "harmonics")
def test_layers_that_cannot_be_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: SphereToRotations(1, 1, height=7, degrees=2),
            "`degrees` is 2 and `height` 7; wanted",
        ),
        (lambda: SphereToRotations(1, 1, height=8, degrees=5), "`degrees` is 5 and `height` 8"),
        (
            lambda: RotationConv(1, 1, in_degrees=2, degrees=3),
            "`degrees` is 3; wanted at most `in_deg",
        ),
    ],
)
@pytest.mark.usefixtures("as_a_user", "rotations")
def test_rotations_that_cannot_be_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
