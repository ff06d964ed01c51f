"""The kernel transformer: from a planar kernel and the polar angles of rows to row kernels."""

import math

from jaxtyping import Float
from torch import Tensor, nn

from ktnlib import check

from .grid import EquirectGrid
from .kernel_cache import KernelCache
from .published import PublishedHead, published_spacing
from .row_kernels import RowKernels
from .sampling import INTERPOLATIONS, Neighbours, accumulator, neighbours
from .shared_taps import shared_taps, with_knots
from .tap_filters import spline_filters
from .taps import TapTable, kernel_sides, tangent_taps

HEADS = (*INTERPOLATIONS, "taps", "published")


class KernelTransformer(nn.Module):
    """Give every row of a panorama its own kernel, made from one planar kernel.

    Heads differ in what a tap of the tangent-plane kernel reads:

    - "bilinear", "bicubic": the 4 or 16 pixels around it, by geometry alone. Nothing is learned.
    - "taps": the 4×4 pixels around it, bicubically plus zero-sum filters whose shares are smooth in the polar
      angle θ; with the tap's phase p and cubic splines S_j

          weights_k(θ) = bicubic(p) + Σ_b Σ_j S_j(θ) · coefficients[k, b, j] · basis_b(p).

      They sum to 1 at every row. A set for 3×3 kernels ships and serves any layer, network and height.
    - "published": dense windows for bands of rows, `PublishedHead`.

    A 1×1 kernel has one tap, the pixel itself: every head but "published" leaves it alone.

    Row kernels are kept for the panoramas seen last while no gradient is asked for, and made anew when the
    source weight or the head's parameters have changed; changes through `.data` in place are not seen.

    Args:
        kernel_size: (rows, columns) of the source kernel, or one number for both.
        head: one of those above, or a `PublishedHead` that exists already, with its own kernel size and
            spacing.
        spacing: of neighbouring taps on the tangent plane, sphere radii; None is a pixel at the equator. Or
            the name of a rule of `published_spacing`, with the option `camera_width`.
        knots: splines over the polar angle, at least 4. The set that ships is brought to this number.
        coefficients: of "taps", (taps, 8, splines); None is the set that ships, where a larger kernel's tap
            takes those of the 3×3 kernel's tap on its side of the middle.
        options: of "published", in_channels and height and whatever else `PublishedHead` takes; and
            camera_width.

    Raises:
        ValueError: an unknown head, a head for kernels of another size, a size below one, a spacing that is
            not positive, too few knots, coefficients of another shape.
        TypeError: options the head has no use for, or lacks; a module that is no `PublishedHead`.

    Source: Su and Grauman, Kernel Transformer Networks, CVPR 2019, for "published"; "bilinear" is SphereNet's
    layer, Coors et al., ECCV 2018; "taps" is this library's.

    >>> import torch
    >>> transformer = KernelTransformer(3)
    >>> kernels = transformer(torch.ones(5, 2, 3, 3), EquirectGrid(8).polar_angles)
    >>> kernels.form, kernels.height, bool((kernels.neighbours.weights.sum(-1) - 1).abs().max() < 1e-6)
    ('taps', 8, True)
    """

    coefficients: Float[Tensor, "taps 8 knots"] | None  # of "taps"
    published: PublishedHead | None

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        *,
        head: str | PublishedHead = "taps",
        spacing: float | int | str | None = None,
        knots: int | None = None,
        coefficients: Float[Tensor, "taps 8 knots"] | None = None,
        **options: object,
    ):
        super().__init__()
        # whether an even kernel has a place depends on the stride, which comes with the call
        self.kernel_size = kernel_sides(kernel_size, stride=2)
        made = isinstance(head, nn.Module)
        self.head = "published" if made else check.choice("head", head, HEADS)
        self.spacing = _distance(spacing, self.kernel_size, options)
        self.published = _check_head(head, self.kernel_size) if made else self._build_published(options)
        if self.head != "taps":
            options |= {"knots": knots, "coefficients": coefficients}
        _refuse_useless(options | ({"spacing": spacing} if made else {}), self.head)
        self.register_parameter("coefficients", self._start(knots, coefficients))
        self._cache = KernelCache()

    def forward(
        self,
        weight: Float[Tensor, "out_channel in_channel kernel_height kernel_width"],
        polar_angles: Float[Tensor, "out_height"],
        *,
        width: int | None = None,
        stride: int = 1,
    ) -> RowKernels:
        """Row kernels of a planar kernel, for `row_conv2d`.

        Args:
            weight: the planar kernel; the bias needs no transformation.
            polar_angles: of all output rows, radians: `EquirectGrid(out_height).polar_angles`.
            width: of the input panorama; None is twice its height out_height·stride.
            stride: input pixels from one output pixel to the next.

        Raises:
            ValueError: a kernel of another size, angles that are not those of a panorama, an even kernel at
                stride 1, a size or stride a published head was not made for.
        """
        self._check_weight(weight)
        height = _rows(polar_angles) * check.positive_int("stride", stride)
        width = 2 * height if width is None else width
        if self.published is not None:
            return self._dense(weight, height, width, stride)
        key = height, width, stride, weight.dtype, str(weight.device)
        plan = self._cache.get(key, (*self.parameters(),), lambda: self._plan(weight, *key[:3]))
        return RowKernels.from_taps(weight.flatten(2), plan, height=height, width=width, stride=stride)

    def filters(self, table: TapTable) -> Neighbours:
        """What the taps of a table read, and how much of each pixel: (rows, taps, pixels), unfolded; float64.

        The pixel-filter half of the row kernels, without a source kernel; columns are those of output column
        0. Differentiable in the coefficients.
        """
        if self.coefficients is not None:
            return spline_filters(self.coefficients, table)
        interpolation = "bilinear" if self.head == "bilinear" else "bicubic"
        return neighbours(*table.positions, interpolation)

    def extra_repr(self) -> str:
        """Kernel size, head and spacing, for `print`."""
        return f"{self.kernel_size[0]} x {self.kernel_size[1]}, head={self.head!r}, spacing={self.spacing}"

    def _plan(self, weight: Tensor, height: int, width: int, stride: int) -> Neighbours:
        plan = self.filters(
            tangent_taps(height, width, self.kernel_size, spacing=self.spacing, stride=stride)
        )
        # narrowed before it moves: a device may have no float64
        narrow = plan.weights.to(accumulator(weight.dtype))
        return Neighbours(*(part.to(weight.device) for part in (plan.rows, plan.columns, narrow)))

    def _dense(self, weight: Tensor, height: int, width: int, stride: int) -> RowKernels:
        wanted = self.published.height, self.published.width, 1
        if (height, width, stride) != wanted:
            raise ValueError(
                f"the panorama has height, width and stride {(height, width, stride)}; wanted {wanted}, for "
                "which the published head was made: its matrices belong to rows; make a head for this one"
            )
        bands = self._cache.get(
            (height, width, stride), (weight, *self.parameters()), lambda: self.published(weight)
        )
        return RowKernels.from_bands(bands, height=height, width=width)

    def _build_published(self, options: dict[str, object]) -> PublishedHead | None:
        """Takes the options it uses out of the dictionary: all but the camera's, which a rule takes."""
        if self.head != "published":
            return None
        if missing := {"in_channels", "height"} - set(options):
            raise TypeError(
                f'head="published" was given no `{"`, `".join(sorted(missing))}`; wanted both the input '
                "channels and the panorama's height, for its matrices belong to them"
            )
        chosen = {name: options.pop(name) for name in list(options) if name != "camera_width"}
        sides = {"kernel_size": self.kernel_size, "spacing": self.spacing}
        return PublishedHead(chosen.pop("in_channels"), chosen.pop("height"), **sides, **chosen)

    def _start(self, knots: int | None, coefficients: Tensor | None) -> nn.Parameter | None:
        if self.head != "taps" or self.kernel_size == (1, 1):
            return None
        if coefficients is None:
            coefficients = shared_taps(self.kernel_size)
            coefficients = coefficients if knots is None else with_knots(coefficients, knots)
        wanted = math.prod(self.kernel_size), 8, coefficients.shape[-1] if knots is None else knots
        if tuple(coefficients.shape) != wanted or wanted[-1] < 4:
            raise ValueError(
                f"`coefficients` have shape {tuple(coefficients.shape)}; wanted {wanted}, a filter mixture "
                "for each tap of the kernel and at least 4 splines; leave out `knots` or make both agree"
            )
        return nn.Parameter(check.floating("coefficients", coefficients).detach().clone())

    def _check_weight(self, weight: Tensor) -> None:
        check.floating("weight", weight)
        if weight.ndim != 4 or tuple(weight.shape[2:]) != self.kernel_size:
            rows, columns = self.kernel_size
            raise ValueError(
                f"`weight` has shape {tuple(weight.shape)}; wanted (out_channel, in_channel, {rows}, "
                f"{columns}), the kernel size the transformer was made for"
            )

    def _load_from_state_dict(self, state_dict, prefix, *rest):
        """Refuse another transformer's parameters in one sentence, before torch lists them one by one."""
        mine = {name: tuple(value.shape) for name, value in self.state_dict().items()}
        saved = {
            name.removeprefix(prefix): tuple(value.shape)
            for name, value in state_dict.items()
            if name.startswith(prefix)
        }
        # nothing stored is torch's to report, or to pass over if it was asked to
        if saved and (saved.keys() != mine.keys() or saved.get("coefficients") != mine.get("coefficients")):
            rest[-1].append(
                f"the stored kernel transformer has {_listed(saved)}; wanted {_listed(mine)} for "
                f"KernelTransformer({self.extra_repr()}): make it with the stored one's kernel size, head "
                "and knots"
            )
        super()._load_from_state_dict(state_dict, prefix, *rest)


def _distance(
    spacing: float | int | str | None, kernel_size: tuple[int, int], options: dict[str, object]
) -> float | None:
    if spacing is None:
        return None
    if not isinstance(spacing, str):
        return check.between("spacing", spacing, 0, math.inf, "radii")
    if "camera_width" not in options:
        raise TypeError(
            f"`spacing` is {spacing!r} without `camera_width`; wanted the width of the source network's "
            "feature map too, pixels: a rule turns it into a distance"
        )
    return published_spacing(options.pop("camera_width"), rule=spacing, kernel_size=max(kernel_size))


def _refuse_useless(options: dict[str, object], head: str) -> None:
    useless = [name for name, value in options.items() if value is not None]
    if useless:
        raise TypeError(
            f"`{'`, `'.join(useless)}` given to head {head!r}, which has no use for it; wanted `knots` and "
            '`coefficients` only with head="taps", options only with head="published", `camera_width` only '
            "with a named `spacing`, and none of them with a head that exists already"
        )


def _check_head(head: nn.Module, kernel_size: tuple[int, int]) -> PublishedHead:
    if not isinstance(head, PublishedHead):
        raise TypeError(
            f"`head` is a {type(head).__name__}; wanted a PublishedHead or one of "
            f"{', '.join(map(repr, HEADS))}"
        )
    if head.kernel_size != kernel_size:
        raise ValueError(
            f"`kernel_size` is {kernel_size} and `head` was made for {head.kernel_size}; wanted the same"
        )
    return head


def _rows(polar_angles: Float[Tensor, "out_height"]) -> int:
    rows = len(polar_angles)
    own = EquirectGrid(rows).polar_angles
    apart = (polar_angles.detach().to(own) - own).abs().max().item()
    if not apart < 1e-3 * math.pi / rows:
        raise ValueError(
            f"`polar_angles` are up to {apart:g} rad off those of a panorama of {rows} rows; wanted all its "
            f"output rows from north to south: EquirectGrid({rows}).polar_angles"
        )
    return rows


def _listed(shapes: dict[str, tuple[int, ...]]) -> str:
    parts = [f"`{name}` {shape}" for name, shape in list(shapes.items())[:3]]
    more = f" and {len(shapes) - 3} more" if len(shapes) > 3 else ""
    return (", ".join(parts) or "no parameters") + more
