import math

import numpy as np
import pytest
import torch

from ktnlib.alignment import affine_warp, compose, rotation, shear, shift, zoom

MATRICES = {
    "identity": torch.eye(2, 3, dtype=torch.float64),
    "rotation": rotation(0.7),
    "quarter turn": rotation(math.pi / 2),
    "zoom in": zoom(1.7),
    "zoom out": zoom(0.6),
    "shear": shear(0.4),
    "shift": shift(1.25, -0.5),
    "all": compose(shift(0.3, 1.1), compose(rotation(-2.0), compose(shear(0.2), zoom(1.2)))),
}


def warped_by_definition(image, matrix):
    """(T f)(x) = f(h⁻¹x) with f the sum of a tent over every pixel: float64 loops, no index, no floor."""
    height, width = image.shape
    linear, offset = matrix[:, :2].numpy(), matrix[:, 2].numpy()
    result = np.zeros((height, width))
    for row in range(height):
        for column in range(width):
            here = np.array([column - (width - 1) / 2, row - (height - 1) / 2])
            x, y = np.linalg.solve(linear, here - offset)
            for i in range(height):
                for j in range(width):
                    tent_x = max(0.0, 1 - abs(x + (width - 1) / 2 - j))
                    tent_y = max(0.0, 1 - abs(y + (height - 1) / 2 - i))
                    result[row, column] += image[i, j] * tent_x * tent_y
    return result


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("size", [(7, 7), (6, 9), (1, 5)])
def test_warping_is_the_definition_written_as_loops(name, size):
    image = torch.rand(size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    expected = torch.from_numpy(warped_by_definition(image.numpy(), MATRICES[name]))
    torch.testing.assert_close(
        affine_warp(image[None, None], MATRICES[name])[0, 0], expected, atol=1e-12, rtol=0
    )


def test_a_positive_angle_turns_the_picture_counter_clockwise():
    image = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(affine_warp(image, rotation(math.pi / 2)), image.rot90(1, (2, 3)))


def test_whole_pixel_shifts_move_the_picture_to_the_last_bit():
    image = torch.rand(1, 1, 9, 9, generator=torch.Generator().manual_seed(3))
    moved = affine_warp(image, shift(2, -3))
    assert torch.equal(moved[..., :6, 2:], image[..., 3:, :7])
    assert moved[..., 6:, :].abs().max() == 0
    assert moved[..., :, :2].abs().max() == 0


def test_images_of_a_batch_and_channels_are_warped_alike():
    images = torch.rand(2, 3, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    together = affine_warp(images, MATRICES["all"])
    for b in range(2):
        for c in range(3):
            assert torch.equal(
                together[b : b + 1, c : c + 1], affine_warp(images[b : b + 1, c : c + 1], MATRICES["all"])
            )


def test_an_empty_batch_stays_empty():
    assert affine_warp(torch.zeros(0, 1, 5, 5), zoom(2.0)).shape == (0, 1, 5, 5)


def test_the_result_keeps_the_images_dtype():
    assert affine_warp(torch.rand(1, 1, 5, 5), zoom(2.0)).dtype == torch.float32
    assert affine_warp(torch.rand(1, 1, 5, 5, dtype=torch.float64), zoom(2.0)).dtype == torch.float64


def test_gradients_into_images_and_matrix_are_exact():
    images = torch.rand(1, 2, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    # off the pixel centres, where the bilinear surface has its creases
    for matrix in (MATRICES["all"], compose(shift(0.27, 0.13), MATRICES["rotation"])):
        inputs = (images.clone().requires_grad_(), matrix.clone().requires_grad_())
        assert torch.autograd.gradcheck(affine_warp, inputs)


@pytest.mark.usefixtures("as_a_user")
@pytest.mark.parametrize(
    ("images", "matrix", "error", "message"),
    [
        (torch.zeros(3, 5, 5), zoom(2.0), ValueError, r"`images` has shape \(3, 5, 5\).*add the batch axis"),
        (torch.zeros(1, 1, 5, 5, dtype=torch.int64), zoom(2.0), TypeError, "`images` has dtype torch.int64"),
        ("picture", zoom(2.0), TypeError, "`images` is a str; wanted a torch tensor"),
        (torch.zeros(1, 1, 5, 5), torch.eye(3).double(), ValueError, r"`matrix` is \(3, 3\), torch.float64"),
        (torch.zeros(1, 1, 5, 5), zoom(2.0).float(), ValueError, r"torch.float32; wanted a \(2, 3\) float64"),
        (torch.zeros(1, 1, 5, 5), 0.5, ValueError, "`matrix` is float; wanted"),
        (torch.zeros(1, 1, 5, 5), torch.zeros(2, 3).double(), ValueError, "determinant 0"),
    ],
)
def test_bad_input_is_refused_by_name(images, matrix, error, message):
    with pytest.raises(error, match=message):
        affine_warp(images, matrix)
