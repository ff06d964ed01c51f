"""How far apart the taps of the published row kernels lie: one camera, three readings of it.

The source camera is said to have a constant angle δ = fov/width a pixel, so that a k×k patch opens by k·δ and
its edges lie at ±tan(kδ/2) on the tangent plane, ±k/2 pixels from the centre.
"""

import math

from ktnlib import check

from ..gnomonic import camera_spacing

# From a kernel's half aperture on the plane to the distance of its taps. Python 2 took ⌊k/2⌋ for k/2: a 3×3
# kernel's taps came to lie 1.5 times too far apart, and every published figure was measured with them there.
RULES = {
    "released": lambda size, fov, width: math.tan(size * fov / width / 2) / (size // 2),
    "true-division": lambda size, fov, width: math.tan(size * fov / width / 2) / (size / 2),
    "pinhole": lambda size, fov, width: camera_spacing(fov, width),
}
FOV = math.radians(65.5)


def published_spacing(
    camera_width: int, *, rule: str = "released", kernel_size: int = 3, fov: float | int = FOV
) -> float:
    """Distance of a published kernel's taps on the tangent plane, in sphere radii.

    "released" is tan(kδ/2)/⌊k/2⌋ with δ = fov/camera_width, as the released program ran under Python 2;
    "true-division" is tan(kδ/2)/(k/2), as it reads; "pinhole" is a true camera's, `camera_spacing`.

    Args:
        camera_width: of the source network's feature map where the layer reads it, pixels; it halves after
            each of its poolings: 640, 320, 160, 80, 40 for the five stages of VGG-16.
        rule: one of `RULES`.
        kernel_size: k, its side, at least 2; of no account to a pinhole.
        fov: horizontal field of view, radians; the authors' 65.5° unless given.

    Raises:
        ValueError: an unknown rule, a kernel without a second tap, a field of view outside (0, π).

    Source: Su and Grauman, Kernel Transformer Networks, CVPR 2019; the rules are those of their program.

    >>> [round(published_spacing(320, rule=rule) * 640 / (2 * math.pi), 3) for rule in RULES]
    [0.546, 0.364, 0.409]
    """
    check.choice("rule", rule, RULES)
    check.positive_int("camera_width", camera_width)
    check.between("fov", fov, 0, math.pi, "radians, the horizontal field of view")
    if check.positive_int("kernel_size", kernel_size) < 2 or kernel_size * fov / camera_width >= math.pi:
        raise ValueError(
            f"`kernel_size` is {kernel_size} before a camera of {camera_width} pixels; wanted at least 2 "
            "taps that open by less than half a turn"
        )
    return RULES[rule](kernel_size, fov, camera_width)
