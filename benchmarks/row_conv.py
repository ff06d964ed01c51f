"""How much longer a row convolution takes than the planar one: 3×3, batch 1, float32, kernels at hand.

    python benchmarks/row_conv.py [--write] [--threads 2]

Planar and row convolution alternate, and the fastest of several rounds counts, by the wall clock with all
threads and by the processor time of one thread, which a busy machine disturbs less. Rows from all latitudes
are compared with the float64 reference in the same run. `--write` keeps the figures, and how busy the machine
was, in benchmarks/results/row_conv.json. Ratios, not seconds, are to be compared between machines.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional

from ktnlib.atomic import write_atomically
from ktnlib.sphere import EquirectGrid, KernelTransformer, RowKernels, row_conv2d
from ktnlib.sphere.row_conv import mix_by_samples
from ktnlib.sphere.sampling import Neighbours, fold_poles

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "row_conv.json"
ROUNDS = 30
TOLERANCE = 1e-5  # relative to the largest output


@dataclass(frozen=True)
class Layer:
    """Channels in and out of a 3×3 layer and the height of its panorama, which is twice as wide."""

    channels: int
    height: int

    @property
    def name(self) -> str:
        return f"{self.channels}-{self.channels} at {self.height}x{2 * self.height}"


LAYERS = (Layer(64, 128), Layer(16, 256), Layer(256, 32))
HEADS = ("bilinear", "bicubic", "taps")


def row_kernels(layer: Layer, head: str, weight: torch.Tensor) -> RowKernels:
    """The head's kernels; learned filters are drawn, for their values cost no time."""
    shares = {"coefficients": torch.randn(9, 8, 16) / 10} if head == "taps" else {}
    transformer = KernelTransformer(3, head=head, **shares)
    with torch.no_grad():
        return transformer(weight, EquirectGrid(layer.height).polar_angles)


def fastest(runs: tuple[Callable[[], torch.Tensor], ...], clock: Callable[[], float]) -> list[float]:
    """Milliseconds of each run in its fastest round; the runs take turns."""
    best = [float("inf")] * len(runs)
    for _ in range(ROUNDS):
        for i, run in enumerate(runs):
            started = clock()
            run()
            best[i] = min(best[i], (clock() - started) * 1e3)
    return best


def against_reference(x: torch.Tensor, kernels: RowKernels, out: torch.Tensor) -> float:
    """Largest difference from the float64 reference over some rows, relative to the largest output."""
    rows = torch.tensor([0, 1, 5, kernels.height // 3, kernels.height // 2, kernels.height - 1])
    plan = fold_poles(kernels.neighbours, kernels.height, kernels.width)
    some = Neighbours(*(part[rows] for part in plan[:2]), plan.weights[rows].double())
    wanted = mix_by_samples(x.double(), kernels.kernel.double(), some, width=kernels.width, stride=1)
    return ((out[:, :, rows] - wanted).abs().max() / wanted.abs().max()).item()


@torch.no_grad()
def measure(layer: Layer, head: str, threads: int) -> dict[str, float]:
    x = torch.randn(1, layer.channels, layer.height, 2 * layer.height)
    x = x.contiguous(memory_format=torch.channels_last)
    weight = torch.randn(layer.channels, layer.channels, 3, 3) / (3 * layer.channels**0.5)
    planar_weight = weight.contiguous(memory_format=torch.channels_last)
    kernels = row_kernels(layer, head, weight)
    error = against_reference(x, kernels, row_conv2d(x, kernels))
    if not error < TOLERANCE:
        raise SystemExit(f"{layer.name}, {head}: off by {error:.1e} of the largest output, no figures")
    runs = (
        lambda: functional.conv2d(x, planar_weight, padding=1),
        lambda: row_conv2d(x, kernels),
    )
    torch.set_num_threads(threads)
    planar_wall, rows_wall = fastest(runs, time.perf_counter)
    torch.set_num_threads(1)
    planar_cpu, rows_cpu = fastest(runs, time.process_time)
    return {
        "planar_ms": round(planar_wall, 2),
        "rows_ms": round(rows_wall, 2),
        "ratio": round(rows_wall / planar_wall, 2),
        "one_thread_cpu_ratio": round(rows_cpu / planar_cpu, 2),
        "multiply_add_ratio": round(kernels.multiply_adds / (18 * layer.channels**2 * layer.height**2), 3),
        "error": float(f"{error:.1e}"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--write", action="store_true", help=f"keep the figures in {RESULT.relative_to(ROOT)}"
    )
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    figures = {}
    for layer in LAYERS:
        for head in HEADS:
            row = figures[f"{layer.name}, {head}"] = measure(layer, head, arguments.threads)
            print(
                f"{layer.name:>20} {head:>9}: {row['rows_ms']:7.2f} ms, planar {row['planar_ms']:6.2f} ms, "
                f"{row['ratio']:5.2f}x; one thread {row['one_thread_cpu_ratio']:5.2f}x; "
                f"products {row['multiply_add_ratio']:.2f}x",
                flush=True,
            )
    if arguments.write:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True
        ).stdout.strip()
        record = {
            "command": f"python benchmarks/row_conv.py --write --threads {arguments.threads}",
            "commit": commit,
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "device": f"{os.cpu_count()} cores, {platform.machine()}",
            "torch": torch.__version__,
            "threads": arguments.threads,
            "rounds": ROUNDS,
            "load_average": round(os.getloadavg()[0], 1),
            "layers": figures,
        }
        RESULT.parent.mkdir(exist_ok=True)
        write_atomically(RESULT, (json.dumps(record, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
