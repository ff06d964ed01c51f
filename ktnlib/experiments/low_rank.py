"""Channel mixing of low rank: a few matrices mix a kernel's outputs, by shares smooth in the polar angle.

With K_k the (out, in) slice of the source kernel at tap k, its kernel in row i is

    K_k(i) = K_k + Σ_r b_r(i, k) M_r K_k,    b_r(i, k) = Σ_j S_j(θ_i) β_{r,k,j},                          (1)

cubic splines S_j. The squared error of exact answers is quadratic in M for given β and the other way round:
alternating least squares. The recipe stands between tap filters, which mix no channels, and a dense kernel a
row, which leaves nothing of K. It needs as many outputs in the next network as in the one it was fitted on.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ktnlib.sphere.fitting.equations import RowEquations


@dataclass(frozen=True, eq=False)
class LowRank:
    """The matrices M and the splines' coefficients β of (1)."""

    mixes: Float[Tensor, "rank out_channel out_channel"]
    shares: Float[Tensor, "rank taps knots"]

    def kernels(
        self, kernel: Float[Tensor, "out_channel in_channel taps"], splines: Float[Tensor, "rows knots"]
    ) -> Float[Tensor, "rows out_channel in_channel taps"]:
        """A source kernel, the fitted one's or another's, for every row."""
        shares = torch.einsum("ij,rkj->irk", splines.to(kernel), self.shares.to(kernel))
        mixed = torch.einsum("rpo,ock->rpck", self.mixes.to(kernel), kernel)
        return kernel + torch.einsum("irk,rpck->ipck", shares, mixed)


def fit_low_rank(
    equations: RowEquations,
    kernel: Float[Tensor, "out_channel in_channel taps"],
    splines: Float[Tensor, "rows knots"],
    *,
    rank: int = 2,
    starts: int = 4,
    rounds: int = 20,
    ridge: float = 1e-3,
    seed: int = 0,
) -> LowRank:
    """Alternating least squares; rows count by their error relative to the source kernel's.

    Args:
        equations: of the source kernel through fixed filters, `RowEquations.of_kernels`.
        splines: `spline_basis` at the rows' polar angles.
        starts: from so many drawn shares; the best end counts, as some end in a poorer valley.
        rounds: of solving for the matrices, then for the shares.
        ridge: pull towards no mixing, relative to the mean diagonal.
    """
    problem = _Mixing(equations, kernel.double(), splines, ridge)
    drawn = torch.Generator().manual_seed(seed)
    shape = rank, kernel.shape[-1], splines.shape[-1]
    found = []
    for _ in range(starts):
        shares = torch.randn(shape, generator=drawn, dtype=torch.float64)
        for _ in range(rounds):
            mixes = problem.mixes(shares)
            shares = problem.shares(mixes)
        found.append(LowRank(mixes, shares))
    return min(found, key=problem.error)


class _Mixing:
    """The two linear problems; an index runs over taps × input channels, as the equations count."""

    def __init__(self, equations: RowEquations, kernel: Tensor, splines: Tensor, ridge: float) -> None:
        self.taps, self.splines, self.ridge = kernel.shape[-1], splines, ridge
        self.source = kernel.permute(0, 2, 1).flatten(1)
        start = self.source.T.expand(len(equations.gram), -1, -1)
        weights = 1 / equations.errors(start).clamp(min=torch.finfo(torch.float32).tiny)
        self.gram = weights[:, None, None] * equations.gram
        self.left = weights[:, None, None] * (equations.moment - equations.gram @ start)

    def error(self, fit: LowRank) -> float:
        """Σ over rows of the error that is gained (negative) or lost against the source kernel's."""
        kernel = self.source.unflatten(1, (self.taps, -1)).permute(0, 2, 1)
        moved = (fit.kernels(kernel, self.splines) - kernel).permute(0, 3, 2, 1).flatten(1, 2)
        return (moved * (self.gram @ moved - 2 * self.left)).sum().item()

    def mixes(self, shares: Tensor) -> Float[Tensor, "rank out_channel out_channel"]:
        """M for given shares: one system, a right side for every output."""
        by_row = torch.einsum("ij,rkj->irk", self.splines, shares)
        by_row = by_row.repeat_interleave(self.source.shape[1] // self.taps, dim=-1)
        read = (by_row[:, :, None] * self.source).flatten(1, 2)  # [rows, rank * out, taps * in]
        gram = torch.einsum("iru,iuv,isv->rs", read, self.gram, read)
        wanted = torch.einsum("iru,iuo->ro", read, self.left)
        return self._solve(gram, wanted).T.unflatten(1, (len(shares), -1)).movedim(1, 0)

    def shares(self, mixes: Tensor) -> Float[Tensor, "rank taps knots"]:
        """β for given matrices: one system for all ranks, taps and knots."""
        mixed = (mixes @ self.source).unflatten(2, (self.taps, -1))  # [rank, out, taps, in]
        blocks = self.gram.unflatten(2, (self.taps, -1)).unflatten(1, (self.taps, -1))
        gram = torch.einsum("rokc,ikcld,sold->irksl", mixed, blocks, mixed)
        gram = torch.einsum("ij,im,irksl->rkjslm", self.splines, self.splines, gram)
        left = torch.einsum("rokc,ikco->irk", mixed, self.left.unflatten(1, (self.taps, -1)))
        wanted = torch.einsum("ij,irk->rkj", self.splines, left)
        size = wanted.numel()
        return self._solve(gram.reshape(size, size), wanted.reshape(size, 1)).view_as(wanted)

    def _solve(self, gram: Tensor, wanted: Tensor) -> Tensor:
        pull = self.ridge * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
        return torch.linalg.solve(gram + pull, wanted)
