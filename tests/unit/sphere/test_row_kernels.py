import pytest
import torch

from ktnlib.sphere import RowKernels, tangent_taps
from ktnlib.sphere.row_bands import RowBand
from ktnlib.sphere.sampling import Neighbours

from .images import assert_close, noise


def plan(height=4, width=8, stride=1):
    return tangent_taps(height, width, 3, stride=stride).neighbours()


def test_counts_of_taps_are_those_of_their_shapes():
    shared = RowKernels.from_taps(noise(5, 2, 9), plan(), height=4, width=8)
    assert (shared.form, shared.out_channels, shared.in_channels) == ("taps", 5, 2)
    assert shared.num_stored == 5 * 2 * 9 + 4 * 9 * 4
    # per pixel: 4 pixels for each of 9 taps and 2 channels, then 9 taps of a 5 x 2 product
    assert shared.multiply_adds == 4 * 8 * (9 * 4 * 2 + 9 * 10)
    by_row = RowKernels.from_taps(noise(2, 5, 2, 9), plan(stride=2), height=4, width=8, stride=2)
    assert by_row.num_stored == 2 * 90 + 2 * 9 * 4
    assert by_row.multiply_adds == 2 * 4 * (9 * 4 * 2 + 9 * 10)


def test_a_gather_of_m_pixels_costs_one_and_m_over_the_output_channels_of_a_planar_layer():
    kernels = RowKernels.from_taps(noise(16, 16, 9), plan(8, 16), height=8, width=16)
    assert kernels.multiply_adds == (1 + 4 / 16) * 9 * 16 * 16 * 8 * 16


def test_counts_of_bands_are_those_of_their_windows():
    bands = [RowBand(range(1, 4), noise(5, 2, 3, 3)), RowBand(range(1), noise(5, 2, 3, 7))]
    kernels = RowKernels.from_bands(bands, height=4, width=8)
    assert (kernels.form, kernels.out_channels, kernels.in_channels) == ("bands", 5, 2)
    assert [band.rows for band in kernels.bands] == [range(1), range(1, 4)]
    assert kernels.num_stored == 10 * (21 + 9)
    assert kernels.multiply_adds == 10 * 8 * (21 + 3 * 9)


def test_written_out_weights_lie_where_the_window_falls():
    weight = torch.arange(1.0, 10.0).view(1, 1, 3, 3)
    dense = RowKernels.from_bands([RowBand(range(3), weight, (1, 2))], height=3, width=6).to_dense([1, 0])
    assert dense.shape == (2, 1, 1, 3, 6)
    assert dense[0, 0, 0].tolist() == [[2, 0, 3, 0, 1, 0], [5, 0, 6, 0, 4, 0], [8, 0, 9, 0, 7, 0]]
    # from row 0, the window's first row comes back on row 0, half a revolution away
    assert dense[1, 0, 0].tolist() == [[5, 1, 6, 2, 4, 3], [8, 0, 9, 0, 7, 0], [0] * 6]


def test_written_out_weights_of_a_row_sum_to_the_source_kernel():
    kernel = noise(5, 2, 9)
    dense = RowKernels.from_taps(kernel, plan(), height=4, width=8).to_dense()
    assert_close(dense.sum((-2, -1)), kernel.sum(-1).expand(4, 5, 2), 1e-12)


def test_rows_beyond_a_pole_may_be_folded_already_or_not():
    unfolded = Neighbours(
        torch.tensor([[[-1, 2]], [[0, 1]]]), torch.tensor([[[0, 1]], [[9, -1]]]), torch.ones(2, 1, 2)
    )
    folded = Neighbours(
        torch.tensor([[[0, 1]], [[0, 1]]]), torch.tensor([[[2, 3]], [[1, 3]]]), torch.ones(2, 1, 2)
    )
    dense = [
        RowKernels.from_taps(torch.ones(1, 1, 1), each, height=2, width=4).to_dense()
        for each in (unfolded, folded)
    ]
    assert_close(*dense, 1e-14)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"kernel": torch.zeros(5, 2, 8)}, ValueError, r"`kernel` has shape \(5, 2, 8\); .* has 9 taps"),
        ({"kernel": torch.zeros(5, 9)}, ValueError, r"`kernel` has shape \(5, 9\); .*`weight.flatten\(2\)`"),
        ({"kernel": torch.zeros(3, 5, 2, 9)}, ValueError, r"or \(4, out_channel, in_channel, 9\)"),
        ({"kernel": torch.zeros(5, 2, 9).long()}, TypeError, "`kernel` has dtype torch.int64"),
        ({"height": 8, "width": 16}, ValueError, r"wanted three times \(8, taps, pixels\) for the 8 output"),
        (
            {"neighbours": plan()._replace(rows=torch.zeros(4, 9, 3).long())},
            ValueError,
            r"\(4, 9, 3\), \(4, 9, 4\)",
        ),
        (
            {"neighbours": plan()._replace(weights=torch.ones(4, 9, 4).long())},
            TypeError,
            "`neighbours.weights` has",
        ),
        ({"width": 9}, ValueError, "`width` is 9"),
        ({"stride": 3}, ValueError, "`stride` is 3 on 4 x 8 pixels"),
        ({"stride": 0}, ValueError, "`stride` is 0"),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_taps_that_do_not_fit_are_refused(change, error, message):
    taps = {"kernel": torch.zeros(5, 2, 9), "neighbours": plan(), "height": 4, "width": 8} | change
    with pytest.raises(error, match=message):
        RowKernels.from_taps(taps.pop("kernel"), taps.pop("neighbours"), **taps)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"rows": range(0)}, ValueError, r"`rows` is range\(0, 0\); wanted neighbouring rows"),
        ({"rows": range(0, 4, 2)}, ValueError, r"`rows` is range\(0, 4, 2\)"),
        (
            {"weight": torch.zeros(1, 1, 3, 4)},
            ValueError,
            r"shape \(1, 1, 3, 4\); .* so that the window has a mid",
        ),
        ({"weight": torch.zeros(1, 3, 3)}, ValueError, r"`weight` has shape \(1, 3, 3\)"),
        ({"weight": torch.zeros(1, 1, 3, 3).long()}, TypeError, "`weight` has dtype"),
        ({"dilation": (1, 0)}, ValueError, "`dilation` is 0"),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_impossible_bands_are_refused(change, error, message):
    with pytest.raises(error, match=message):
        RowBand(**{"rows": range(4), "weight": torch.zeros(1, 1, 3, 3)} | change)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([range(2)], "`bands` hold the rows 0-1; wanted each of 0-3 in exactly one band"),
        ([range(2), range(1, 4)], "rows 0-1, 1-3"),
        ([range(5)], "rows 0-4"),
        ([range(1, 4)], "rows 1-3"),
        ([], "rows none"),
    ],
)
def test_bands_that_leave_rows_out_or_hold_them_twice_are_refused(rows, message):
    bands = [RowBand(each, torch.zeros(1, 1, 3, 3)) for each in rows]
    with pytest.raises(ValueError, match=message):
        RowKernels.from_bands(bands, height=4, width=8)


def test_bands_on_several_devices_are_refused():
    bands = [RowBand(range(2), torch.zeros(1, 1, 3, 3))]
    bands.append(RowBand(range(2, 4), torch.zeros(1, 1, 3, 3, device="meta")))
    with pytest.raises(ValueError, match=r"`bands\[1\]` on meta; wanted all on one device"):
        RowKernels.from_bands(bands, height=4, width=8)


@pytest.mark.parametrize("row", [-1, 4])
def test_rows_that_are_not_there_cannot_be_written_out(row):
    kernels = RowKernels.from_bands([RowBand(range(4), torch.zeros(1, 1, 3, 3))], height=4, width=8)
    with pytest.raises(ValueError, match=f"`rows` hold {row}; wanted output rows from 0 to 3"):
        kernels.to_dense([0, row])


def test_bands_of_several_channel_counts_and_odd_panoramas_are_refused():
    bands = [RowBand(range(2), torch.zeros(1, 1, 3, 3)), RowBand(range(2, 4), torch.zeros(1, 2, 3, 3))]
    with pytest.raises(ValueError, match=r"= \[\(1, 1\), \(1, 2\)\]; wanted the same in all"):
        RowKernels.from_bands(bands, height=4, width=8)
    with pytest.raises(ValueError, match="`width` is 7"):
        RowKernels.from_bands(bands[:1], height=2, width=7)
