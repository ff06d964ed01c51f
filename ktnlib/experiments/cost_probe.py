"""One method on one network and panorama, in a process of its own: peak memory, time against direct."""

import concurrent.futures
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from ktnlib.sphere import EquirectGrid, to_sphere
from ktnlib.sphere.conversion.patches import exact_at
from ktnlib.sphere.conversion.plan import plan
from ktnlib.sphere.conversion.steps import Window
from ktnlib.sphere.row_bands import RowBand
from ktnlib.sphere.row_kernels import RowKernels

from .cost_counts import EVERY, sphconv_windows
from .cost_networks import network

POINTS = 8  # at which exact answers are timed; the rest take as long each
HEADS = {"ktn-bilinear": "bilinear", "ktn-bicubic": "bicubic"}
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def probe(name: str, height: int, method: str, resolution: str, repeats: int) -> dict[str, float]:
    """{"memory": MiB, "time": a ratio}, of one thread, in a process that does nothing else.

    Memory is what the first panorama takes at its peak, tables of where taps lie included, over what was
    there before. Time is processor time of the panoramas after, in turns with the direct method's; the
    smallest of each.
    """
    start = multiprocessing.get_context("forkserver")
    start.set_forkserver_preload([__name__])
    options = {"max_workers": 1, "mp_context": start}
    with concurrent.futures.ProcessPoolExecutor(**options) as pool:
        return pool.submit(measure, name, height, method, resolution, repeats).result()


@torch.no_grad()
def measure(name: str, height: int, method: str, resolution: str, repeats: int) -> dict[str, float]:
    """What `probe` asks of the process."""
    torch.set_num_threads(1)
    source = network(name)
    channels = next(layer for layer in source.modules() if isinstance(layer, nn.Conv2d)).in_channels
    x = torch.rand(1, channels, height, 2 * height, generator=torch.Generator().manual_seed(0))
    direct = to_sphere(source, method="direct", resolution=resolution)
    run, share = runner(source, method, x, resolution)
    direct(x[..., : direct.stride, : 2 * direct.stride])  # what the libraries take at their first convolution
    before = restart_peak()
    run()
    memory = (peak() - before) / 2**20
    direct(x)
    took = {"run": [], "direct": []}
    for _ in range(repeats):
        for which, call in (("run", run), ("direct", lambda: direct(x))):
            begun = time.process_time()
            call()
            took[which].append(time.process_time() - begun)
    return {"memory": memory, "time": min(took["run"]) / share / min(took["direct"])}


def runner(source: nn.Module, method: str, x: Tensor, resolution: str) -> tuple[Callable[[], Tensor], float]:
    """One pass of a method over the panorama, and which share of its answer that is."""
    height = x.shape[-2]
    if method == "exact":
        grid = EquirectGrid(height)
        rows = torch.linspace(0, height - 1, POINTS).long()
        places = {"latitudes": grid.latitudes[rows], "longitudes": grid.longitudes[:: 2 * height // POINTS]}
        answers = 2 * answer_rows(source, height, resolution) ** 2
        return lambda: exact_at(source, x, **places), POINTS / answers
    options = {"transformer": HEADS[method]} if method in HEADS else {}
    if method == "sphconv":
        options = {"transformer": random_rows(source, height)}
    if method == "interpolate":
        options = {"every": min(EVERY, answer_rows(source, height, resolution))}
    known = "ktn" if method in HEADS else method
    converted = to_sphere(source, method=known, resolution=resolution, **options)
    return lambda: converted(x), 1.0


def answer_rows(source: nn.Module, height: int, resolution: str) -> int:
    """Rows of the answer's map."""
    return height if resolution == "full" else height // int(plan(source).output.stride)


def random_rows(source: nn.Module, height: int) -> dict[str, RowKernels]:
    """SphConv's kernels as large as they are fitted, of random numbers, for every convolution but 1 × 1."""
    planned, found = plan(source), {}
    for node, step in planned.steps.items():
        if isinstance(step, Window) and step.what == "conv" and step.kernel_size != (1, 1):
            rows = height // int(planned.places[node].stride)
            weight = source.get_submodule(node.target).weight
            bands = [
                RowBand(range(row, row + 1), torch.rand(*weight.shape[:2], *size))
                for row, size in enumerate(sphconv_windows(rows))
            ]
            found[node.target] = RowKernels.from_bands(bands, height=rows, width=2 * rows)
    return found


def restart_peak() -> int:
    """Forget the peak so far, where the system can; the bytes that are taken now."""
    if CLEAR.exists():
        CLEAR.write_text("5")
    return _status("VmRSS") if STATUS.exists() else peak()


def peak() -> int:
    """Most bytes taken at once since the last restart, or since the process began where there is none."""
    if STATUS.exists():
        return _status("VmHWM")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _status(field: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return 1024 * int(line.split()[1])
