"""What the sphere's widgets compute, said by `ktnlib.sphere`: cases as those of `parity`.

Arguments and answers are plain JSON; angles are radians, views as in sphere.js.
"""

import math

import torch
from torch import Tensor

from ktnlib.sphere import (
    EquirectGrid,
    place_perspective,
    render_perspective,
    sphere_to_plane,
    tangent_points,
    tangent_taps,
)
from ktnlib.widgets.panorama_viewer import PanoramaViewer
from ktnlib.widgets.tangent_taps import TangentTaps

TOLERANCE = 1e-9
# near the equator, across the seam, over either pole, and upside down
CENTRES = [(0.1, 0.4), (-0.7, 3.1), (1.5, -2.0), (-1.55, 0.3), (1.9, 0.2)]
POINTS = [(0.0, 0.0), (0.3, -0.2), (-0.9, 0.4), (0.0, -0.5), (2.0, 1.5)]
VIEWS = [
    {"yaw": 0.3, "pitch": 0.2, "roll": 0.0, "fov": 1.2, "width": 7, "height": 5},
    {"yaw": 3.0, "pitch": -0.4, "roll": 0.7, "fov": 1.9, "width": 6, "height": 6},
    {"yaw": -1.0, "pitch": 1.3, "roll": -0.2, "fov": 1.5, "width": 8, "height": 6},
    {"yaw": 0.9, "pitch": -1.57, "roll": 0.1, "fov": 2.4, "width": 5, "height": 4},
]


def camera(view: dict) -> dict:
    return {key: view[key] for key in ("yaw", "pitch", "roll", "fov")}


def numbers(*values: Tensor) -> list[float]:
    return [value.item() for value in values]


def projections() -> list[tuple]:
    cases = []
    for latitude, longitude in CENTRES:
        for east, south in POINTS:
            on_sphere = numbers(*tangent_points(latitude, longitude, east, south))
            given = [east, south, latitude, longitude]
            cases.append((PanoramaViewer, "planeToSphere", given, on_sphere, TOLERANCE))
            centre = {"centre_latitude": latitude, "centre_longitude": longitude}
            on_plane = numbers(*sphere_to_plane(*on_sphere, **centre))
            given = [*on_sphere, latitude, longitude]
            cases.append((TangentTaps, "sphereToPlane", given, on_plane, TOLERANCE))
    return cases


def views() -> list[tuple]:
    height, width, channels = 6, 12, 2
    noise = torch.rand(
        1, channels, height, width, generator=torch.Generator().manual_seed(3), dtype=torch.float64
    )
    values = noise[0].permute(1, 2, 0).flatten().tolist()
    cases = []
    for view in VIEWS:
        picture = render_perspective(noise, **camera(view), size=(view["height"], view["width"]))
        expected = picture[0].permute(1, 2, 0).flatten().tolist()
        given = [values, height, width, channels, view]
        cases.append((PanoramaViewer, "renderView", given, expected, TOLERANCE))
    return cases


def covered(view: dict, height: int) -> Tensor:
    image = torch.ones(1, 1, view["height"], view["width"])
    return place_perspective(image, height=height, **camera(view))[1]


def coverages() -> list[tuple]:
    return [
        (PanoramaViewer, "coverage", [view, 24, 48], covered(view, 24).long().flatten().tolist(), 0)
        for view in VIEWS
    ]


def sights() -> list[tuple]:
    """A pole is in view where the whole first or last row is; what lies behind never is."""
    cases = []
    for view in VIEWS:
        mask = covered(view, 720)
        behind = numbers(*tangent_points(-view["pitch"], view["yaw"] + math.pi, 0.1, 0.05))
        for place, seen in (
            ([math.pi / 2, 0.3], mask[0].all().item()),
            ([-math.pi / 2, 0.3], mask[-1].all().item()),
            ([view["pitch"], view["yaw"]], True),
            (behind, False),
        ):
            cases.append((PanoramaViewer, "inView", [*place, view], seen, 0))
    return cases


def pixels() -> list[tuple]:
    """View pixel (1, 4), found again from where its ray meets the sphere."""
    cases = []
    for view in VIEWS:
        step = 2 * math.tan(view["fov"] / 2) / view["width"]
        right, down = (4.5 - view["width"] / 2) * step, (1.5 - view["height"] / 2) * step
        on_sphere = numbers(*from_camera(view, right, down))
        cases.append((PanoramaViewer, "viewPixel", [*on_sphere, view], [1, 4, True], TOLERANCE))
    return cases


def from_camera(view: dict, right: float, down: float) -> tuple[Tensor, Tensor]:
    """A camera turned clockwise has its right side lower: its axes are (cos, sin) and (-sin, cos)."""
    cos, sin = math.cos(view["roll"]), math.sin(view["roll"])
    return tangent_points(view["pitch"], view["yaw"], right * cos - down * sin, right * sin + down * cos)


def shares() -> list[tuple]:
    """The solid angle of a pyramid with opening angles a and b is 4·asin(sin(a/2)·sin(b/2))."""
    cases = []
    for view in VIEWS:
        half_width, ratio = view["fov"] / 2, view["height"] / view["width"]
        half_height = math.atan(math.tan(half_width) * ratio)
        of_sphere = math.asin(math.sin(half_width) * math.sin(half_height)) / math.pi
        cases.append((PanoramaViewer, "sphereShare", [view], of_sphere, TOLERANCE))
        columns = covered(view, 360).any(dim=0).double().mean().item()
        cases.append((PanoramaViewer, "columnShare", [view], columns, 2 / 720))
    pixels = covered(VIEWS[0], 360).double().mean().item()
    measured = [
        covered(VIEWS[0], 360).any(dim=0).double().mean().item(),
        pixels,
        weighted(covered(VIEWS[0], 360)),
    ]
    return [*cases, (PanoramaViewer, "shares", [VIEWS[0]], measured, 2e-3)]


def weighted(mask: Tensor) -> float:
    areas = EquirectGrid(mask.shape[0]).solid_angles
    return ((mask.double().sum(dim=1) * areas).sum() / (4 * math.pi)).item()


def outlines() -> list[tuple]:
    """The corners in view coordinates, clockwise from the top left, through `tangent_points`."""
    cases = []
    for view in (VIEWS[0], VIEWS[1]):
        right = math.tan(view["fov"] / 2)
        down = right * view["height"] / view["width"]
        corners = [(-right, -down), (right, -down), (right, down), (-right, down), (-right, -down)]
        points = [numbers(*from_camera(view, *corner)) for corner in corners]
        cases.append((PanoramaViewer, "footprint", [view, 1], points, TOLERANCE))
    return cases


def taps() -> list[tuple]:
    cases = []
    for height, spacing, size in ((6, None, 3), (16, 0.5, 3), (8, None, 5)):
        table = tangent_taps(height, 2 * height, size, spacing=spacing)
        step = 2 * math.pi / (2 * height) if spacing is None else spacing
        for row in range(height):
            expected = {"rows": table.rows[row].tolist(), "columns": table.columns[row].tolist()}
            cases.append((TangentTaps, "tapRow", [row, height, 2 * height, step, size], expected, TOLERANCE))
    return cases


def reads() -> list[tuple]:
    height, width = 4, 8
    table = tangent_taps(height, width, 3)
    rows, columns, weights = table.neighbours()
    cases = []
    for row in (0, 1, 3):
        for tap in (0, 2, 5, 7):
            given = [table.rows[row, tap].item(), table.columns[row, tap].item(), height, width]
            places = zip(
                rows[row, tap].tolist(),
                columns[row, tap].remainder(width).tolist(),
                weights[row, tap].tolist(),
                strict=True,
            )
            cases.append((TangentTaps, "neighbours", given, [list(place) for place in places], TOLERANCE))
    return cases


def crossings() -> list[tuple]:
    """A tap one spacing to the north has passed the pole where tan(polar angle) is less than the spacing."""
    cases = []
    for height in (16, 64, 512):
        for multiple in (0.5, 1.0, 3.0, 8.0):
            spacing = multiple * math.pi / height
            table = tangent_taps(height, 2 * height, 3, spacing=spacing)
            crossing = (table.columns[: height // 2].abs() > height / 2).any(dim=1).long().sum().item()
            assert crossing == sum(
                math.tan((row + 0.5) * math.pi / height) < spacing for row in range(height // 2)
            )
            cases.append((TangentTaps, "lastCrossingRow", [height, multiple], crossing - 1, 0))
    return cases


def spans() -> list[tuple]:
    """The shortest stretch of columns, tried from every column on."""
    height, width = 16, 32
    table = tangent_taps(height, width, 3)
    _, columns, weights = table.neighbours()
    cases = []
    for row in range(height):
        read = set(columns[row][weights[row] > TOLERANCE].remainder(width).tolist())
        span = min(max((column - first) % width for column in read) + 1 for first in read)
        given = [{"rows": table.rows[row].tolist(), "columns": table.columns[row].tolist()}, height, width]
        cases.append((TangentTaps, "columnsSpanned", given, span, 0))
    return cases


PARITY = [
    *projections(),
    *views(),
    *coverages(),
    *sights(),
    *pixels(),
    *shares(),
    *outlines(),
    *taps(),
    *reads(),
    *crossings(),
    *spans(),
]
