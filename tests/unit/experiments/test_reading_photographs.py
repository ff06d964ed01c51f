"""What `sphere-imagenet` stands on: pictures put on panoramas, maps read there, intervals, kept parts."""

import math

import numpy as np
import pytest
import torch

from ktnlib.experiments import kept_parts, placed_photographs
from ktnlib.experiments.kept_parts import kept
from ktnlib.experiments.paired_intervals import described, interval
from ktnlib.experiments.placed_photographs import ANGLES, SUBJECTS, TOGETHER, panorama_with, panoramas_at
from ktnlib.experiments.tangent_reading import rank, read_map, reading_places, scores
from ktnlib.sphere import EquirectGrid, place_perspective, render_perspective

DIGITS = SUBJECTS["digit-net"]


def direction(latitude, longitude):
    cos = math.cos(latitude)
    return np.array([cos * math.cos(longitude), cos * math.sin(longitude), math.sin(latitude)])


@pytest.mark.parametrize("where", [(0.3, 0.2), (1.25, 3.1), (-1.25, -3.0), (0.0, math.pi)])
def test_a_picture_is_painted_as_place_perspective_places_it(where):
    latitude, longitude = where
    picture = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    room = torch.full((1, 1, 128, 256), 0.25)
    painted = placed_photographs.painted(DIGITS, room, picture, latitude, longitude)
    placed, seen = place_perspective(
        picture, height=128, yaw=longitude, pitch=latitude, fov=DIGITS.fov, interpolation="bicubic"
    )
    assert seen.sum() > 500
    torch.testing.assert_close(painted, torch.where(seen, placed.clamp(0, 1), room))
    assert float(room.min()) == 0.25  # the panorama itself stays


def test_a_camera_that_looks_at_a_picture_sees_it_again():
    panorama, placed = panorama_with(DIGITS, 36, 2)
    assert [one.number for one in placed] == [4, 5]
    for one in placed:
        picture, label = placed_photographs.picture_of(DIGITS, one.number)
        seen = render_perspective(panorama, yaw=one.longitude, pitch=one.latitude, fov=DIGITS.fov, size=28)
        assert label == one.label
        assert (seen - picture).abs().mean() < 0.02


@pytest.mark.parametrize("angle", ANGLES)
def test_pictures_on_one_panorama_do_not_see_one_another(angle):
    _, placed = panorama_with(DIGITS, angle, 1)
    assert len(placed) == len(TOGETHER[angle])
    for one in placed:
        assert 90 - abs(math.degrees(one.latitude)) == pytest.approx(angle)
    across = [
        math.degrees(math.acos(direction(a.latitude, a.longitude) @ direction(b.latitude, b.longitude)))
        for number, a in enumerate(placed)
        for b in placed[:number]
    ]
    assert min(across) > 84


def test_every_picture_stands_once_at_every_angle():
    for angle in ANGLES:
        numbers = [
            one.number
            for index in range(panoramas_at(angle, 12))
            for one in panorama_with(DIGITS, angle, index)[1]
        ]
        assert numbers == list(range(12))


def test_places_are_where_a_camera_has_its_pixels():
    places = torch.stack(reading_places(1.2, 0.4, side=3, spacing=0.2))
    size, fov = 3, 2 * math.atan(1.5 * 0.2)
    grid = EquirectGrid(256)
    latitudes = grid.latitudes[:, None].expand(256, 512)[None, None]
    seen = render_perspective(latitudes, yaw=0.4, pitch=1.2, fov=fov, size=size)
    torch.testing.assert_close(places[0], seen.flatten(), atol=1e-3, rtol=0)


def test_a_map_is_read_between_its_pixels_or_at_the_nearest():
    grid = EquirectGrid(64)
    features = grid.latitudes.sin()[None, None, :, None].expand(1, 2, 64, 128)
    at = torch.tensor([1.0, -1.5, 0.2]), torch.tensor([3.0, 0.0, -3.2])
    for way, tolerance in (("bilinear", 1e-3), ("bicubic", 1e-4), ("nearest", 0.03)):
        read = read_map(features, *at, way)
        assert read.shape == (3, 2)
        torch.testing.assert_close(read[:, 1], at[0].sin().double(), atol=tolerance, rtol=0)
    columns = torch.arange(128.0)[None, None, None].expand(1, 1, 64, 128)
    at_pixels = read_map(columns, grid.latitudes[:1].expand(2), grid.longitudes[[0, 127]], "nearest")
    assert at_pixels.flatten().tolist() == [0, 127]


def test_scores_are_means_and_the_middle_is_nine_places():
    values = torch.zeros(49, 2)
    values[24] = torch.tensor([4.9, 9.8])
    torch.testing.assert_close(scores(values, None), torch.tensor([0.1, 0.2]))
    torch.testing.assert_close(scores(values, None, centre=True), torch.tensor([4.9, 9.8]) / 9)
    head = torch.nn.Linear(2, 3)
    torch.testing.assert_close(scores(values, head), head(torch.tensor([0.1, 0.2])))
    assert [rank(torch.tensor([3.0, 1.0, 2.0]), label) for label in range(3)] == [0, 2, 1]


def test_an_interval_is_that_of_the_normal_distribution_where_there_are_many():
    right = (np.arange(400) % 4 == 0)[:, None] * 100.0
    low, high = interval(lambda own: own, right)
    standard_error = math.sqrt(0.25 * 0.75 / 400) * 100
    assert low == pytest.approx(25 - 1.96 * standard_error, abs=0.5)
    assert high == pytest.approx(25 + 1.96 * standard_error, abs=0.5)


def test_a_paired_difference_is_as_sure_as_its_disagreements():
    generator = np.random.default_rng(0)
    first = 100.0 * (generator.random((400, 2)) < 0.5)
    second = first.copy()
    second[:8] = 0
    found = described("ahead", np.subtract, first, second)
    assert found["ahead"] == first.mean() - second.mean()
    assert 0 <= found["ahead.low"] < found["ahead"] < found["ahead.high"] < 2.5


def test_a_kept_part_is_made_once_for_each_key_and_code(tmp_path, monkeypatch):
    monkeypatch.setenv("KTNLIB_CACHE", str(tmp_path))
    made = []

    def part(number, code=("experiments/kept_parts.py",)):
        return kept({"number": number}, lambda: made.append(number) or np.arange(number), code=code)

    assert part(3).tolist() == part(3).tolist() == [0, 1, 2]
    assert part(2).tolist() == [0, 1]
    assert made == [3, 2]
    part(3, code=("experiments",))  # another file that can change it
    assert made == [3, 2, 3]
    for path in (tmp_path / "parts").iterdir():
        path.write_bytes(path.read_bytes()[:-100])
    assert part(3).tolist() == [0, 1, 2]
    assert made == [3, 2, 3, 3]


def test_a_changed_file_makes_another_code(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_parts.provenance, "PACKAGE", tmp_path)
    (tmp_path / "room").mkdir()
    before = []
    for text in ("a = 1", "a = 2"):
        (tmp_path / "room" / "file.py").write_text(text)
        kept_parts.code_of.cache_clear()
        before.append(kept_parts.code_of(("room",)))
    kept_parts.code_of.cache_clear()
    assert before[0] != before[1]
