import pytest
import torch

from ktnlib.sphere import EquirectGrid, tangent_taps
from ktnlib.sphere.fitting.finetune import finetune_row_kernels
from ktnlib.sphere.row_bands import RowBand
from ktnlib.sphere.row_conv import row_conv2d
from ktnlib.sphere.row_kernels import RowKernels

from ..images import assert_close, noise

HEIGHT, WIDTH = 4, 8


def stack(seed, channels):
    bands = [
        RowBand(range(row, row + 2), 0.3 * noise(*channels, 3, 3, seed=seed + row), (1, 1)) for row in (0, 2)
    ]
    return RowKernels.from_bands(bands, height=HEIGHT, width=WIDTH)


def two_layers(seed):
    return {"first": stack(seed, (3, 2)), "second": stack(seed + 10, (2, 3))}


def chain(kernels, x):
    return row_conv2d(row_conv2d(x, kernels["first"]).relu(), kernels["second"])


def problem():
    x = noise(3, 2, HEIGHT, WIDTH)
    true = two_layers(0)
    start = {
        name: RowKernels.from_bands(
            [RowBand(band.rows, 1.3 * band.weight, band.dilation) for band in layer.bands],
            height=HEIGHT,
            width=WIDTH,
        )
        for name, layer in true.items()
    }
    return start, x, chain(true, x)


def test_the_last_layers_error_falls_and_all_layers_move():
    start, x, targets = problem()
    tuned = finetune_row_kernels(start, chain, x, targets, steps=90, learning_rate=0.05)
    first, last = (
        ((chain(kernels, x) - targets).square().sum() / targets.square().sum()).sqrt()
        for kernels in (start, tuned.kernels)
    )
    assert last < 0.2 * first
    assert len(tuned.history) == 90
    for name, layer in tuned.kernels.items():
        for new, old in zip(layer.bands, start[name].bands, strict=True):
            assert (new.rows, new.dilation) == (old.rows, old.dilation)
            assert not new.weight.requires_grad
            assert (new.weight - old.weight).abs().max() > 1e-3


def test_one_step_is_one_step_down_the_gradient_of_one_panorama():
    start, x, targets = problem()
    rate = 0.01
    tuned = finetune_row_kernels(
        start, chain, x[:1], targets[:1], steps=1, learning_rate=rate, momentum=0.0, weighting="solid-angle"
    )
    leaves = {
        name: [RowBand(band.rows, band.weight.clone().requires_grad_()) for band in layer.bands]
        for name, layer in start.items()
    }
    weights = EquirectGrid(HEIGHT).solid_angles[:, None]
    kernels = {
        name: RowKernels.from_bands(bands, height=HEIGHT, width=WIDTH) for name, bands in leaves.items()
    }
    squares = [(part.square() * weights).sum() for part in (chain(kernels, x[:1]) - targets[:1], targets[:1])]
    loss = squares[0] / squares[1]
    loss.backward()
    assert tuned.history[0] == pytest.approx(loss.item() ** 0.5, rel=1e-12)
    for name, bands in leaves.items():
        for band, new in zip(bands, tuned.kernels[name].bands, strict=True):
            assert_close(new.weight, band.weight.detach() - rate * band.weight.grad, 1e-12)


def test_each_panorama_is_seen_once_before_any_is_seen_again():
    start, x, targets = problem()
    seen = []

    def watched(kernels, one):
        seen.append(next(number for number in range(3) if torch.equal(one, x[number : number + 1])))
        return chain(kernels, one)

    for seed in (0, 0, 1):
        finetune_row_kernels(start, watched, x, targets, steps=7, learning_rate=1e-6, seed=seed)
    runs = seen[:7], seen[7:14], seen[14:]
    assert runs[0] == runs[1]
    for run in runs:
        assert sorted(run[:3]) == sorted(run[3:6]) == [0, 1, 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kernels": {}}, "`kernels` holds no layer; wanted one layer or more"),
        (
            {"targets": torch.zeros(3, 5, HEIGHT, WIDTH)},
            r"`targets` have shape \(1, 5, 4, 8\) .*answers \(1, 2, 4, 8\)",
        ),
        (
            {"targets": torch.full((3, 2, HEIGHT, WIDTH), torch.nan)},
            "`targets` holds 192 values that are NaN",
        ),
        (
            {"panoramas": torch.full((3, 2, HEIGHT, WIDTH), torch.inf)},
            "`panoramas` holds 192 values that are NaN",
        ),
        ({"learning_rate": 1e6}, "`learning_rate` is 1000000.0, and the error is .*try a tenth of it"),
        ({"learning_rate": 0}, "`learning_rate` is 0; wanted more than 0"),
        ({"momentum": 1.0}, "`momentum` is 1.0; wanted at least 0 and less than 1"),
        ({"steps": 0}, "`steps` is 0"),
        ({"weighting": "cosine"}, "`weighting` is 'cosine'"),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_impossible_descents_are_refused(change, message):
    start, x, targets = problem()
    given = {"kernels": start, "chain": chain, "panoramas": x, "targets": targets}
    with pytest.raises(ValueError, match=message):
        finetune_row_kernels(**given | change)


def test_kernels_as_taps_are_refused_by_name():
    start, x, targets = problem()
    plan = tangent_taps(HEIGHT, WIDTH, 3).neighbours()
    start["first"] = RowKernels.from_taps(noise(3, 2, 9), plan, height=HEIGHT, width=WIDTH)
    with pytest.raises(ValueError, match=r"`kernels` holds 'first' as taps; wanted .*`fit_row_kernels`"):
        finetune_row_kernels(start, chain, x, targets)
