import numpy as np
import pytest
import torch

from ktnlib.sphere import tangent_taps
from ktnlib.sphere.tap_filters import (
    ZERO_SUM,
    bicubic_weights,
    spline_basis,
    spline_filters,
    zero_sum_basis,
)

from .images import assert_close, noise

PHASES = torch.linspace(0, 0.999, 7, dtype=torch.float64)
ROWS, COLUMNS = (axis.flatten() for axis in torch.meshgrid(PHASES, PHASES, indexing="ij"))


def keys(distance, a):
    """Keys' kernel as its paper writes it."""
    d = np.abs(distance)
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * (d**3 - 5 * d**2 + 8 * d - 4)
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def hat(distance):
    return np.maximum(1 - np.abs(distance), 0)


def cubic_spline(distance):
    """A box convolved with itself three times, by truncated powers."""
    edges = np.arange(-2.0, 3.0)
    cube = np.maximum(np.asarray(distance)[..., None] - edges, 0) ** 3
    return (cube * [1, -4, 6, -4, 1]).sum(-1) / 6


def window(kernel_rows, kernel_columns):
    """Weights of the pixels −1 … 2 from distances position − pixel."""
    down, right = (phase.numpy()[:, None] - np.arange(-1, 3) for phase in (ROWS, COLUMNS))
    return torch.as_tensor(np.einsum("pr,pc->prc", kernel_rows(down), kernel_columns(right)).reshape(-1, 16))


def test_bicubic_weights_are_the_paper_s_kernel_at_the_pixels_distances():
    assert_close(
        bicubic_weights(ROWS, COLUMNS), window(lambda d: keys(d, -0.5), lambda d: keys(d, -0.5)), 1e-15
    )


def test_bicubic_weights_sum_to_one_and_read_a_whole_pixel_as_it_is():
    assert_close(bicubic_weights(ROWS, COLUMNS).sum(-1), torch.ones(49), 1e-15)
    assert bicubic_weights(ROWS[:1], COLUMNS[:1])[0].tolist() == [0.0] * 5 + [1.0] + [0.0] * 10


def test_bicubic_weights_read_a_quadratic_exactly():
    rows, columns = torch.meshgrid(torch.arange(-1.0, 3), torch.arange(-1.0, 3), indexing="ij")

    def surface(y, x):
        return 2 - y + 3 * x + 0.5 * y**2 - 2 * x * y + x**2

    read = bicubic_weights(ROWS, COLUMNS) @ surface(rows, columns).double().flatten()
    assert_close(read, surface(ROWS, COLUMNS), 1e-13)


def slope(function, times, step=1e-3):
    """Central differences, exact for the pieces of a cubic up to step²."""
    if times == 0:
        return function
    lower = slope(function, times - 1, step)
    return lambda d: (lower(d + step) - lower(d - step)) / (2 * step)


def test_the_zero_sum_filters_are_what_their_names_say():
    basis = zero_sum_basis(ROWS, COLUMNS)
    bicubic = window(lambda d: keys(d, -0.5), lambda d: keys(d, -0.5))
    wanted = {
        "keys -3/4": window(lambda d: keys(d, -0.75), lambda d: keys(d, -0.75)) - bicubic,
        "bilinear": window(hat, hat) - bicubic,
        "spline": window(cubic_spline, cubic_spline) - bicubic,
        "spline x": window(cubic_spline, slope(cubic_spline, 1)),
        "spline y": window(slope(cubic_spline, 1), cubic_spline),
        "spline xx": window(cubic_spline, slope(cubic_spline, 2)),
        "spline yy": window(slope(cubic_spline, 2), cubic_spline),
        "spline xy": window(slope(cubic_spline, 1), slope(cubic_spline, 1)),
    }
    assert tuple(wanted) == ZERO_SUM
    for i, name in enumerate(ZERO_SUM):
        # the second difference straddles the spline's knots at phase 0
        assert_close(basis[:, i], wanted[name], 3e-3 if name in ("spline xx", "spline yy") else 2e-6)


def test_every_zero_sum_filter_sums_to_zero_and_they_are_independent():
    basis = zero_sum_basis(ROWS, COLUMNS)
    assert_close(basis.sum(-1), torch.zeros(49, 8), 1e-15)
    inside = zero_sum_basis(torch.tensor([0.3]).double(), torch.tensor([0.4]).double())[0]
    assert torch.linalg.matrix_rank(inside) == 8


@pytest.mark.parametrize("knots", [4, 5, 16])
def test_splines_in_the_polar_angle_are_positive_and_sum_to_one(knots):
    basis = spline_basis(torch.linspace(0, torch.pi, 101), knots)
    assert basis.shape == (101, knots)
    assert (basis >= -1e-7).all()
    assert_close(basis.sum(1), torch.ones(101), 1e-6)


def test_splines_are_shifts_of_one_cubic_spline():
    angles = torch.linspace(0, torch.pi, 23, dtype=torch.float64)
    step = np.pi / 5
    wanted = cubic_spline(angles.numpy()[:, None] / step - (np.arange(8) - 1))
    assert_close(spline_basis(angles, 8), wanted, 1e-12)


def test_splines_mirror_north_and_south():
    angles = torch.linspace(0, torch.pi, 32, dtype=torch.float64)
    assert_close(spline_basis(torch.pi - angles, 16).flip(1), spline_basis(angles, 16), 1e-12)


def test_filters_keep_the_type_of_the_phases():
    phases = torch.rand(3, 4)
    assert zero_sum_basis(phases, phases).dtype == bicubic_weights(phases, phases).dtype == torch.float32
    assert zero_sum_basis(phases, phases).shape == (3, 4, 8, 16)
    angles = noise(3).abs().requires_grad_()
    assert spline_basis(angles, 6).requires_grad


@pytest.mark.usefixtures("as_a_user")
def test_impossible_splines_are_refused():
    with pytest.raises(ValueError, match="`knots` is 3; wanted at least 4"):
        spline_basis(torch.zeros(2), 3)
    with pytest.raises(ValueError, match=r"`polar_angles` reach from -1 to 0; .*radians .* 0 to pi"):
        spline_basis(torch.tensor([0.0, -1.0]), 8)
    with pytest.raises(ValueError, match="`polar_angles` reach from 90 to 90"):
        spline_basis(torch.tensor([90.0]), 8)


@pytest.mark.usefixtures("as_a_user")
def test_filters_for_another_number_of_taps_are_refused():
    with pytest.raises(ValueError, match="`coefficients` are for 4 taps; wanted 9, the taps of `table`"):
        spline_filters(torch.zeros(4, 8, 6), tangent_taps(4, 8, 3))
