"""Row kernels, and what makes them, as words and tensors for a file."""

from typing import Any

from torch import Tensor

from ..grid import EquirectGrid
from ..row_bands import RowBand
from ..row_kernels import RowKernels
from ..sampling import Neighbours
from ..transformer import KernelTransformer
from .layers import SphereConv2d

Record = dict[str, Any]
Tensors = dict[str, Tensor]


def write_rows(layer: SphereConv2d) -> tuple[Record, Tensors]:
    """What a layer's `rows` are: words for JSON, and tensors by name."""
    rows = layer.rows
    if isinstance(rows, KernelTransformer) and rows.published is None:
        record = {"kind": "transformer", "kernel_size": rows.kernel_size, "head": rows.head}
        return record, {} if rows.coefficients is None else {"coefficients": rows.coefficients}
    if isinstance(rows, KernelTransformer):
        grid = EquirectGrid(rows.published.height, rows.published.width)
        rows = rows(layer.weight, grid.polar_angles, width=grid.width)
    record = {"kind": rows.form, "height": rows.height, "width": rows.width, "groups": rows.groups}
    if rows.bands:
        record["bands"] = [
            {"rows": [band.rows.start, band.rows.stop], "dilation": band.dilation} for band in rows.bands
        ]
        return record, {str(number): band.weight for number, band in enumerate(rows.bands)}
    tensors = dict(zip(Neighbours._fields, rows.neighbours, strict=True)) | {"kernel": rows.kernel}
    return record | {"stride": rows.stride}, tensors


def read_rows(record: Record, tensors: Tensors) -> KernelTransformer | RowKernels:
    """The way back."""
    if record["kind"] == "transformer":
        coefficients = tensors.get("coefficients")
        return KernelTransformer(tuple(record["kernel_size"]), head=record["head"], coefficients=coefficients)
    size = {name: record[name] for name in ("height", "width", "groups")}
    if record["kind"] == "bands":
        bands = [
            RowBand(range(*band["rows"]), tensors[str(number)], tuple(band["dilation"]))
            for number, band in enumerate(record["bands"])
        ]
        return RowKernels.from_bands(bands, **size)
    neighbours = Neighbours(*(tensors[name] for name in Neighbours._fields))
    return RowKernels.from_taps(tensors["kernel"], neighbours, stride=record["stride"], **size)
