import numpy as np
import pytest
import torch

from ktnlib.widgets import ThreeMoves


def test_picture_and_kernel_travel_as_bytes():
    image, kernel = torch.rand(1, 1, 12, 12), torch.rand(5, 5)
    widget = ThreeMoves(image, kernel=kernel)
    np.testing.assert_array_equal(np.frombuffer(widget.picture, "<f4"), image.flatten())
    np.testing.assert_array_equal(np.frombuffer(widget.kernel, "<f4"), kernel.flatten())


def test_the_first_state_is_turned_already():
    assert abs(ThreeMoves(torch.zeros(9, 9)).angle) > 0.2


def test_an_even_kernel_is_refused():
    with pytest.raises(ValueError, match="`kernel` is 2 pixels wide; wanted an odd width"):
        ThreeMoves(torch.zeros(9, 9), kernel=torch.ones(2, 2))


def test_a_picture_that_is_not_square_is_refused():
    with pytest.raises(ValueError, match=r"`image` has shape .* wanted one square plane"):
        ThreeMoves(torch.zeros(9, 8))
