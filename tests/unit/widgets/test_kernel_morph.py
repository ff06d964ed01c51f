import pytest
import torch
import traitlets
from parity_morph import HEIGHT, SOURCE, projected_shares, tap_shares

from ktnlib.widgets.kernel_morph import KernelMorph

NOTHING_LEARNED = torch.zeros(9, 8, 16)


def test_the_coefficients_travel_tap_by_tap():
    coefficients = torch.arange(9 * 8 * 5, dtype=torch.float32).reshape(9, 8, 5)
    sent = torch.frombuffer(bytearray(KernelMorph(coefficients).coefficients), dtype=torch.float32)
    assert torch.equal(sent, coefficients.flatten())


def test_three_heads_keep_the_sum_in_every_row_and_the_projected_one_loses_it_as_the_description_says():
    for head in ("bilinear", "bicubic", "learned"):
        sums = torch.einsum("k,ikyx->i", SOURCE, tap_shares(head))
        assert (sums - SOURCE.sum()).abs().max() < 1e-12
    shares = projected_shares().sum(dim=(1, 2, 3)) / 9
    assert (shares[: HEIGHT // 2].diff() < 0).all()
    assert shares[0] > 5 * shares[HEIGHT // 2]
    assert abs(shares[HEIGHT // 2] - 1) < 0.05
    assert "adds up to ever more" in KernelMorph(NOTHING_LEARNED).description


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("grid_height", 20),
        ("row", -1),
        ("tap", 9),
        ("head", "exact"),
        ("pixel_column", 16),
        ("weights", [1.0] * 8),
    ],
)
def test_states_that_cannot_be_shown_are_refused(name, value):
    with pytest.raises(traitlets.TraitError, match=name):
        KernelMorph(NOTHING_LEARNED, **{name: value})


@pytest.mark.parametrize("shape", [(9, 8, 3), (9, 9, 16), (25, 8, 16)])
def test_coefficients_of_another_form_are_refused(shape):
    with pytest.raises(ValueError, match=r"`coefficients` has shape .* wanted \(9, 8, knots\)"):
        KernelMorph(torch.zeros(shape))
