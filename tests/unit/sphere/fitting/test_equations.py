"""Normal equations against dense sums: their error is the error, their answer its minimum."""

import pytest
import torch

from ktnlib.sphere import RowKernels, tangent_taps
from ktnlib.sphere.fitting import equations as equations_module
from ktnlib.sphere.fitting.equations import RowEquations
from ktnlib.sphere.fitting.refine import refined_kernels
from ktnlib.sphere.fitting.taps import tap_windows

HEIGHT, WIDTH, IN, OUT = 6, 12, 2, 3


def drawn(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def layer():
    return {
        "inputs": drawn(3, IN, HEIGHT, WIDTH),
        "targets": drawn(3, OUT, HEIGHT, WIDTH, seed=1),
        "bias": drawn(OUT, seed=2),
        "weight": drawn(OUT, IN, 3, 3, seed=3),
    }


def windows():
    return tap_windows(tangent_taps(HEIGHT, WIDTH, 3))


def dense_errors(layer, kernel, filters, columns=range(WIDTH)):
    """Squared error of each row by the definition: every weight at the pixel it reads, column by column."""
    dense = RowKernels.from_taps(kernel, filters, height=HEIGHT, width=WIDTH).to_dense()
    errors = torch.zeros(HEIGHT, dtype=torch.float64)
    for column in columns:
        turned = layer["inputs"].roll(-column, dims=-1)
        answer = torch.einsum("iocrq,bcrq->boi", dense, turned) + layer["bias"][:, None]
        errors += (answer - layer["targets"][..., column]).square().sum(dim=(0, 1))
    return errors


def filter_equations(layer, every=1, panoramas=slice(None)):
    parts = layer["inputs"][panoramas], layer["targets"][panoramas], layer["weight"], layer["bias"]
    return RowEquations.of_filters(*parts, windows(), every=every)


def test_the_error_of_filters_is_the_error_of_their_row_kernels(layer):
    filters = windows()._replace(weights=drawn(HEIGHT, 9, 16, seed=4))
    found = filter_equations(layer).errors(filters.weights.flatten(1)[..., None])
    torch.testing.assert_close(found, dense_errors(layer, layer["weight"].flatten(2), filters))


def test_the_error_of_source_kernels_is_the_error_of_their_row_kernels(layer):
    filters = windows()._replace(weights=drawn(HEIGHT, 9, 16, seed=4))
    kernels = drawn(HEIGHT, OUT, IN, 9, seed=5)
    equations = RowEquations.of_kernels(layer["inputs"], layer["targets"], layer["bias"], filters, every=1)
    found = equations.errors(kernels.permute(0, 3, 2, 1).flatten(1, 2))
    torch.testing.assert_close(found, dense_errors(layer, kernels, filters))


def test_every_second_column_is_looked_at_and_the_first_one_moves_on_from_row_to_row(layer):
    filters = windows()
    found = filter_equations(layer, every=2).errors(filters.weights.flatten(1)[..., None])
    halves = [
        dense_errors(layer, layer["weight"].flatten(2), filters, range(odd, WIDTH, 2)) for odd in (0, 1)
    ]
    torch.testing.assert_close(found, torch.where(torch.arange(HEIGHT) % 2 == 0, *halves))


def test_equations_of_panoramas_add_up(layer):
    both = filter_equations(layer, panoramas=slice(0, 1)) + filter_equations(layer, panoramas=slice(1, 3))
    at_once = filter_equations(layer)
    for part in ("gram", "moment", "energy"):
        torch.testing.assert_close(getattr(both, part), getattr(at_once, part))


def test_the_solution_is_where_error_and_pull_balance(layer):
    equations = filter_equations(layer)
    start = drawn(HEIGHT, 144, 1, seed=6)
    found = equations.solve(ridge=0.1, towards=start).requires_grad_()
    pull = 0.1 * equations.gram.diagonal(dim1=1, dim2=2).mean(1) * (found - start).square().sum(dim=(1, 2))
    (slope,) = torch.autograd.grad((equations.errors(found) + pull).sum(), found)
    assert slope.abs().max() < 1e-9 * equations.moment.abs().max()


def test_equations_about_a_point_are_the_same_error_in_other_unknowns(layer):
    base, directions, along = drawn(HEIGHT, 144), drawn(HEIGHT, 5, 144, seed=7), drawn(HEIGHT, 5, seed=8)
    equations = filter_equations(layer)
    moved = base + torch.einsum("rq,rqa->ra", along, directions)
    found = equations.about(base, directions).errors(along[..., None])
    torch.testing.assert_close(found, equations.errors(moved[..., None]))


def test_rows_without_evidence_stay_where_they_are_pulled(layer):
    layer["inputs"][:] = 0
    start = drawn(HEIGHT, 144, 1)
    torch.testing.assert_close(filter_equations(layer).solve(ridge=1e-3, towards=start), start)


def test_a_row_kernel_that_made_the_targets_is_found_again(layer):
    inputs, kernels = drawn(8, IN, HEIGHT, WIDTH), drawn(HEIGHT, OUT, IN, 9, seed=5)
    dense = RowKernels.from_taps(kernels, windows(), height=HEIGHT, width=WIDTH).to_dense()
    turned = torch.stack([inputs.roll(-column, dims=-1) for column in range(WIDTH)])
    targets = torch.einsum("iocrq,jbcrq->boij", dense, turned)
    equations = RowEquations.of_kernels(inputs, targets, None, windows(), every=1)
    found = refined_kernels(equations, layer["weight"], windows(), width=WIDTH, ridge=1e-12)
    torch.testing.assert_close(found.kernel, kernels, atol=1e-6, rtol=0)


def test_a_strong_pull_keeps_the_source_kernel(layer):
    equations = RowEquations.of_kernels(layer["inputs"], layer["targets"], layer["bias"], windows(), every=1)
    found = refined_kernels(equations, layer["weight"], windows(), width=WIDTH, ridge=1e9)
    kept = layer["weight"].flatten(2).expand(HEIGHT, -1, -1, -1)
    torch.testing.assert_close(found.kernel, kept, atol=1e-6, rtol=0)


def test_refinement_refuses_equations_of_other_unknowns_and_no_pull(layer):
    equations = filter_equations(layer)
    with pytest.raises(
        ValueError, match=r"144 unknowns and 1 outputs; wanted 9 taps x 2 channels = 18 and 3"
    ):
        refined_kernels(equations, layer["weight"], windows(), width=WIDTH)
    with pytest.raises(ValueError, match="`ridge` is 0; wanted more than 0"):
        refined_kernels(equations, layer["weight"], windows(), width=WIDTH, ridge=0)


def test_features_on_another_device_meet_what_is_there(layer, monkeypatch):
    there = {name: value.to("meta") for name, value in layer.items()}
    seen = []

    def note(sums, part, read, wanted):
        seen.append((read.device.type, wanted.device.type, sums[0].device.type))

    monkeypatch.setattr(equations_module, "_accumulate", note)
    parts = there["inputs"], there["targets"], there["weight"], there["bias"]
    RowEquations.of_filters(*parts, windows())
    RowEquations.of_kernels(there["inputs"], there["targets"], there["bias"], windows())
    assert set(seen) == {("meta", "meta", "cpu")}


@pytest.mark.parametrize(("every", "words"), [(0, "`every` is 0"), (13, "`every` is 13; wanted at most 12")])
def test_a_step_that_looks_at_no_column_is_refused(layer, every, words):
    with pytest.raises(ValueError, match=words):
        filter_equations(layer, every=every)
    with pytest.raises(ValueError, match=words):
        RowEquations.of_kernels(layer["inputs"], layer["targets"], layer["bias"], windows(), every=every)
