"""Training of the published head against losses taken from row convolutions."""

import pytest
import torch

from ktnlib.sphere import EquirectGrid
from ktnlib.sphere.fitting.gradient import _BandErrors, fit_published
from ktnlib.sphere.published import PublishedHead
from ktnlib.sphere.row_conv import row_conv2d
from ktnlib.sphere.row_kernels import RowKernels

from ..images import assert_close, noise

HEIGHT, WIDTH = 8, 16


def made(seed=0, **options):
    return PublishedHead(2, HEIGHT, generator=torch.Generator().manual_seed(seed), **options)


def applied(head, weight, x, bias=None):
    return row_conv2d(x, RowKernels.from_bands(head(weight), height=HEIGHT, width=WIDTH), bias)


def problem(dtype=torch.float32):
    """A layer whose right answer another head gives, with something no head can give."""
    x, weight, bias = noise(3, 2, HEIGHT, WIDTH), noise(4, 2, 3, 3, seed=1), noise(4, seed=2)
    other = made(seed=5).double()
    for parameter in other.parameters():
        parameter.data += 0.1 * noise(*parameter.shape, seed=6)
    with torch.no_grad():
        targets = applied(other, weight, x, bias) + 0.05 * noise(3, 4, HEIGHT, WIDTH, seed=7)
    return [part.to(dtype) for part in (weight, bias, x, targets)]


def relative(got, targets, row_weights):
    squares = [
        (part.double().square().sum((0, 1, 3)) * row_weights).sum() for part in (got - targets, targets)
    ]
    return (squares[0] / squares[1]).sqrt().item()


@pytest.mark.parametrize("weighting", ["plain", "solid-angle"])
def test_training_brings_the_error_down_and_tells_it_as_the_kernels_have_it(weighting):
    weight, bias, x, targets = problem()
    head = made()
    ones = torch.ones(HEIGHT, dtype=torch.float64)
    row_weights = EquirectGrid(HEIGHT).solid_angles if weighting == "solid-angle" else ones
    before = relative(applied(head, weight, x, bias), targets, row_weights)
    fit = fit_published(head, weight, bias, x, targets, steps=60, learning_rate=0.02, weighting=weighting)
    after = relative(applied(head, weight, x, bias), targets, row_weights)
    assert fit.history[0] == pytest.approx(before, rel=1e-5)
    assert fit.history[-1] == pytest.approx(after, rel=1e-4)
    assert after < before / 3
    assert len(fit.history) == 61
    assert len(fit.before) == len(fit.after) == len(head.shapes)
    band = head.shapes[1].rows
    alone = ones.where(torch.isin(torch.arange(HEIGHT), torch.tensor(band)), 0.0)
    assert fit.after[1].item() == pytest.approx(
        relative(applied(head, weight, x, bias), targets, alone * row_weights), rel=1e-4
    )


def test_gradients_of_the_quadratic_are_those_of_the_convolution():
    weight, bias, x, targets = problem(torch.float64)
    head, same = made().double(), made().double()
    errors = _BandErrors(
        head, weight, bias, x, targets, every=1, row_weights=torch.ones(HEIGHT, dtype=torch.float64)
    )
    for one, other in zip(head.parameters(), same.parameters(), strict=True):
        one.data += 0.1 * noise(*one.shape, seed=8)
        other.data.copy_(one)
    loss = errors(head, weight).sum() / errors.values
    loss.backward()
    direct = (applied(same, weight, x, bias) - targets).square().mean()
    direct.backward()
    assert_close(loss.detach(), direct.detach(), 1e-12)
    for one, other in zip(head.parameters(), same.parameters(), strict=True):
        assert_close(one.grad, other.grad, 1e-12)


def test_errors_are_told_from_north_to_south_where_windows_of_one_size_stand_apart():
    weight, bias, x, targets = problem()
    head = made(ties=1)
    assert head.groups()[0] == [0, 7]
    fit = fit_published(head, weight, bias, x, targets, steps=1, learning_rate=1e-9)
    got = applied(head, weight, x, bias)
    alone = [relative(got[:, :, [row]], targets[:, :, [row]], torch.ones(1)) for row in range(HEIGHT)]
    assert fit.before.tolist() == pytest.approx(alone, rel=1e-4)
    assert fit.after.tolist() == pytest.approx(alone, rel=1e-4)


def test_every_second_column_of_a_smooth_panorama_says_nearly_the_same():
    weight, bias, x, targets = problem()
    histories = [
        fit_published(made(), weight, bias, x, targets, steps=5, every=every).history for every in (1, 2)
    ]
    assert histories[0] == pytest.approx(histories[1], rel=0.05)
    assert histories[0] != histories[1]


def test_training_twice_gives_the_same_head_and_leaves_the_source_alone():
    weight, bias, x, targets = problem()
    weight.requires_grad_()
    kept = weight.detach().clone()
    first, second = made(), made()
    for head in (first, second):
        fit_published(head, weight, bias, x, targets, steps=3)
    assert weight.grad is None
    assert torch.equal(weight.detach(), kept)
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


def test_weight_decay_shrinks_what_the_error_does_not_hold():
    weight, bias, x, targets = problem()
    sizes = []
    for decay in (0.0, 10.0):
        head = made()
        fit_published(head, weight, bias, x, targets, steps=20, learning_rate=0.01, weight_decay=decay)
        sizes.append(sum(matrix.square().sum().item() for matrix in head.base))
    assert sizes[1] < sizes[0]


def test_the_rate_falls_to_a_tenth_after_half_of_the_steps():
    weight, bias, x, targets = problem()
    fit = fit_published(made(), weight, bias, x, targets, steps=20, learning_rate=0.01)
    drops = [one - other for one, other in zip(fit.history[:-1], fit.history[1:], strict=True)]
    assert drops[10] < 0.3 * drops[9]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"targets": torch.zeros(3, 4, 8, 14)},
            r"`targets` has shape \(3, 4, 8, 14\); wanted \(3, 4, 8, 16\)",
        ),
        ({"targets": torch.full((3, 4, 8, 16), torch.nan)}, "`targets` holds 1536 values that are NaN"),
        ({"weight": torch.zeros(4, 3, 3, 3)}, "`weight` has shape .*wanted .*in_channel = 2"),
        ({"bias": torch.zeros(3)}, r"`bias` has shape \(3,\); wanted \(4,\)"),
        (
            {"head": PublishedHead(2, 10)},
            r"`inputs` have .*\(2, 8, 16\) and `head` was made for \(2, 10, 20\)",
        ),
        ({"weighting": "cosine"}, "`weighting` is 'cosine'; wanted one of 'plain', 'solid-angle'"),
        ({"steps": 0}, "`steps` is 0"),
        ({"every": 0}, "`every` is 0"),
        ({"every": 17}, "`every` is 17; wanted at most 16"),
        ({"learning_rate": 0.0}, "`learning_rate` is 0; wanted more than 0"),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_what_does_not_belong_together_is_refused(change, message):
    weight, bias, x, targets = problem()
    given = {"head": made(), "weight": weight, "bias": bias, "inputs": x, "targets": targets}
    with pytest.raises(ValueError, match=message):
        fit_published(**given | change)
