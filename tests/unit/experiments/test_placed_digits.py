"""Digits on the sphere: where they lie, that they are whole there, and that they leave one another alone."""

import math

import pytest
import torch

from ktnlib.experiments.placed_digits import FOV, SPACING, TOGETHER, digits_anywhere, digits_at
from ktnlib.sphere import EquirectGrid, place_perspective, render_perspective, tangent_points

INK = 22  # pixels: what of a digit's picture is written on


def written(number: int, seed: int = 0) -> torch.Tensor:
    """Smooth blots inside a black rim, each of its own."""
    rough = torch.rand(number, 1, 11, 11, generator=torch.Generator().manual_seed(seed))
    blots = torch.nn.functional.interpolate(rough, size=INK, mode="bilinear", align_corners=False)
    return torch.nn.functional.pad(blots, (3,) * 4)


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("angle", TOGETHER)
def test_a_camera_at_its_place_sees_each_digit_again(angle, alone):
    digits = written(5)
    placed = digits_at(digits, torch.arange(5), polar_angle_deg=angle, seed=3, alone=alone, height=160)
    assert len(placed.panoramas) == (5 if alone else math.ceil(5 / len(TOGETHER[angle])))
    assert placed.labels.tolist() == [0, 1, 2, 3, 4]
    for digit in range(5):
        latitude, longitude = placed.latitudes[digit].item(), placed.longitudes[digit].item()
        assert math.degrees(math.pi / 2 - abs(latitude)) == pytest.approx(angle)
        one = placed.panoramas[placed.panorama[digit]][None]
        seen = render_perspective(one, yaw=longitude, pitch=latitude, fov=FOV, size=28)
        inside = (slice(None), slice(None), slice(5, 23), slice(5, 23))
        assert (seen - digits[digit])[inside].square().mean().sqrt() < 0.04


@pytest.mark.parametrize("angle", TOGETHER)
def test_both_halves_of_the_sphere_hold_digits(angle):
    placed = digits_at(written(8), torch.arange(8), polar_angle_deg=angle, seed=0)
    assert (placed.latitudes < 0).sum() == (0 if angle == 90 else 4)


@pytest.mark.parametrize("angle", TOGETHER)
def test_what_a_reader_sees_around_a_digit_holds_no_ink_of_another(angle):
    """Windows of 32 pixels at the 4 × 4 places of the read-out: on tangent planes, and on the grid."""
    number, grid = len(TOGETHER[angle]), EquirectGrid(80)
    placed = digits_at(written(number), torch.arange(number), polar_angle_deg=angle, seed=0)
    steps = (torch.arange(4, dtype=torch.float64) - 1.5) * 4 * SPACING
    window = {"height": 80, "fov": 2 * math.atan(16 * SPACING)}
    ink = {"height": 80, "fov": 2 * math.atan(INK / 2 * SPACING)}
    blank, places = torch.zeros(1, 1, 4, 4), list(zip(placed.latitudes, placed.longitudes, strict=True))
    masks = [place_perspective(blank, pitch=a.item(), yaw=b.item(), **ink)[1] for a, b in places]
    for one, place in enumerate(places):
        seen = torch.zeros(80, 160, dtype=torch.bool)
        centres = tangent_points(*place, steps[None, :], steps[:, None])
        for latitude, longitude in zip(*(part.flatten().tolist() for part in centres), strict=True):
            seen |= place_perspective(blank, pitch=latitude, yaw=longitude, **window)[1]
            row = grid.latitude_to_row(torch.tensor(latitude)).round().int().item()
            column = grid.longitude_to_column(torch.tensor(longitude)).round().int().item()
            rows = torch.arange(row - 17, row + 18)
            over = (rows < 0) | (rows > 79)
            rows = torch.where(rows < 0, -1 - rows, torch.where(rows > 79, 159 - rows, rows))
            columns = torch.arange(column - 17, column + 18) + 80 * over[:, None]
            seen[rows[:, None], columns % 160] = True
        assert not any((seen & mask).any() for other, mask in enumerate(masks) if other != one)


def test_digits_anywhere_lie_on_pixels_where_their_record_says():
    digits = written(6)
    placed = digits_anywhere(digits, torch.arange(6), seed=1, height=160)
    rows = EquirectGrid(160).latitude_to_row(placed.latitudes)
    assert torch.equal(rows, rows.round())
    for digit in range(6):
        direction = {"pitch": placed.latitudes[digit].item(), "yaw": placed.longitudes[digit].item()}
        seen = render_perspective(placed.panoramas[digit][None], **direction, fov=FOV, size=28)
        assert (seen - digits[digit])[..., 5:23, 5:23].square().mean().sqrt() < 0.04


@pytest.mark.parametrize(("even", "share"), [("sphere", 1 - math.cos(math.pi / 6)), ("latitude", 1 / 3)])
def test_the_caps_get_their_share_of_the_digits(even, share):
    placed = digits_anywhere(
        torch.zeros(4000, 1, 2, 2), torch.zeros(4000).long(), seed=0, even=even, height=24
    )
    caps = (placed.latitudes.abs() > math.pi / 3).double().mean().item()
    assert caps == pytest.approx(share, abs=0.03)


def test_the_same_seed_draws_the_same_panoramas_and_another_seed_others():
    one, same, other = (digits_anywhere(written(3), torch.arange(3), seed=seed) for seed in (5, 5, 6))
    assert torch.equal(one.panoramas, same.panoramas)
    assert not torch.equal(one.panoramas, other.panoramas)


def test_an_angle_without_a_plan_and_an_unknown_measure_are_refused():
    digits, labels = written(1), torch.zeros(1).long()
    with pytest.raises(ValueError, match="`polar_angle_deg` is 20; wanted one of 18, 36, 54, 72, 90"):
        digits_at(digits, labels, polar_angle_deg=20, seed=0)
    with pytest.raises(ValueError, match="`even` is 'area'; wanted one of"):
        digits_anywhere(digits, labels, seed=0, even="area")
