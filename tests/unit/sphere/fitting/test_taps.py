"""Tap filters in closed form: what made the targets is found again, parts count by their relative error."""

import pytest
import torch

from ktnlib.sphere import EquirectGrid, RowKernels, row_conv2d, tangent_taps
from ktnlib.sphere.fitting.equations import RowEquations, row_weights
from ktnlib.sphere.fitting.taps import spline_coefficients, tap_windows, untied_filters
from ktnlib.sphere.tap_filters import spline_filters

HEIGHT, WIDTH = 8, 16


def drawn(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def table():
    return tangent_taps(HEIGHT, WIDTH, 3)


def equations_for(filters, *, panoramas=24, scale=1.0, noise=0.0):
    """Of a layer whose exact answer is its kernel read through `filters`.

    Three inputs and outputs: nine taps that read the same pixel can be told apart by nine numbers.
    """
    inputs, weight = drawn(panoramas, 3, HEIGHT, WIDTH), drawn(3, 3, 3, 3, seed=1)
    kernels = RowKernels.from_taps(weight.flatten(2), filters, height=HEIGHT, width=WIDTH)
    targets = row_conv2d(inputs, kernels) + noise * drawn(panoramas, 3, HEIGHT, WIDTH, seed=2)
    return RowEquations.of_filters(
        inputs, scale * targets, scale * weight, None, tap_windows(table()), every=1
    )


def nudged(amount=0.3):
    windows = tap_windows(table())
    push = drawn(*windows.weights.shape, seed=4)
    return windows._replace(weights=windows.weights + amount * (push - push.mean(-1, keepdim=True)))


def test_untied_filters_that_made_the_targets_are_found_again():
    found = untied_filters(equations_for(nudged()), table(), ridge=1e-12)
    torch.testing.assert_close(found.weights, nudged().weights, atol=1e-6, rtol=0)


def test_untied_filters_sum_to_one_unless_they_are_set_free():
    equations = equations_for(nudged(), noise=1.0, panoramas=2)
    ones = torch.ones(HEIGHT, 9, dtype=torch.float64)
    torch.testing.assert_close(untied_filters(equations, table()).weights.sum(-1), ones)
    free = untied_filters(equations, table(), sum_to_one=False).weights.sum(-1)
    assert (free - 1).abs().max() > 0.01


def test_without_evidence_filters_are_bicubic():
    filters = untied_filters(equations_for(nudged(), scale=0.0), table())
    torch.testing.assert_close(filters.weights, tap_windows(table()).weights)


def test_a_smooth_set_that_made_the_targets_is_found_again():
    made = spline_filters(0.2 * drawn(9, 8, 5), table())
    found = spline_coefficients([(equations_for(made), table())], knots=5, ridge=1e-12)
    torch.testing.assert_close(spline_filters(found, table()).weights, made.weights, atol=1e-5, rtol=0)


def test_parts_count_by_their_relative_error_whatever_their_size():
    one = equations_for(nudged()), table()
    small, large = ((equations_for(nudged(1.0), scale=scale), table()) for scale in (1e-3, 1e3))
    found = [spline_coefficients([one, part], knots=4) for part in (small, large)]
    torch.testing.assert_close(*found)
    assert (found[0] - spline_coefficients([one], knots=4)).abs().max() > 0.01


def test_a_part_given_twice_changes_nothing():
    part = equations_for(nudged()), table()
    torch.testing.assert_close(
        spline_coefficients([part, part], knots=4), spline_coefficients([part], knots=4)
    )


def test_weighted_by_solid_angle_a_fit_is_better_where_the_area_is_and_worse_in_the_plain_mean():
    equations = equations_for(nudged())
    errors = {}
    for weighting in ("plain", "solid-angle"):
        coefficients = spline_coefficients([(equations, table())], knots=4, ridge=1e-9, weighting=weighting)
        filters = spline_filters(coefficients, table()).weights
        errors[weighting] = equations.errors(filters.flatten(1)[..., None])
    area = EquirectGrid(HEIGHT).solid_angles
    assert (area * errors["solid-angle"]).sum() < (area * errors["plain"]).sum()
    assert errors["plain"].sum() < errors["solid-angle"].sum()


def test_relative_to_bicubic_no_row_is_given_up_for_another():
    # towards the poles bicubic is off by ever more, on the equator's two rows by next to nothing
    amount = EquirectGrid(HEIGHT).latitudes.sin().pow(4) * 0.3
    equations = equations_for(nudged(amount[:, None, None]))
    bicubic = equations.errors(tap_windows(table()).weights.flatten(1)[..., None])
    worst = {}
    for weighting in ("plain", "relative"):
        coefficients = spline_coefficients([(equations, table())], knots=4, ridge=1e-9, weighting=weighting)
        filters = spline_filters(coefficients, table()).weights
        worst[weighting] = (equations.errors(filters.flatten(1)[..., None]) / bicubic).max()
    assert worst["relative"] < 1 < worst["plain"]


def test_row_weights_are_one_on_average():
    assert row_weights(EquirectGrid(HEIGHT), "plain").tolist() == [1.0] * HEIGHT
    weights = row_weights(EquirectGrid(HEIGHT), "solid-angle")
    assert weights.mean().item() == pytest.approx(1)
    torch.testing.assert_close(
        weights / weights[0], EquirectGrid(HEIGHT).latitudes.cos() / EquirectGrid(HEIGHT).latitudes[0].cos()
    )


def test_bad_choices_are_refused():
    part = equations_for(nudged(), panoramas=1), table()
    with pytest.raises(
        ValueError, match="`weighting` is 'area'; wanted one of 'plain', 'solid-angle', 'relative'"
    ):
        spline_coefficients([part], weighting="area")
    with pytest.raises(ValueError, match="`ridge` is 0; wanted more than 0"):
        spline_coefficients([part], ridge=0)
    with pytest.raises(ValueError, match="`ridge` is -1; wanted more than 0"):
        untied_filters(*part, ridge=-1)


def test_kernels_of_several_sizes_have_no_set_in_common():
    small = equations_for(nudged(), panoramas=1), table()
    wide = tangent_taps(HEIGHT, WIDTH, (3, 5))
    inputs = drawn(1, 1, HEIGHT, WIDTH)
    larger = RowEquations.of_filters(inputs, inputs, drawn(1, 1, 3, 5), None, tap_windows(wide)), wide
    with pytest.raises(ValueError, match=r"have \[9, 15\] taps; wanted one layer or more, all"):
        spline_coefficients([small, larger])
    with pytest.raises(ValueError, match=r"have \[\] taps; wanted one layer or more"):
        spline_coefficients([])
