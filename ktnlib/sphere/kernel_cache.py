"""Keep what was made from tensors until one of them changes."""

from collections.abc import Callable, Hashable
from typing import TypeVar

import torch
from torch import Tensor

Made = TypeVar("Made")
# Panorama sizes kept at a time: a network's few, not every crop a service ever saw.
KEPT = 4


class KernelCache:
    """Row kernels by the size they are for; the latest few, never one that a gradient must flow through.

    A tensor has changed when it is another object, lies elsewhere or counts another version: an optimiser's
    step and `load_state_dict` count, writing through `.data` does not. A copy of a cache is empty.
    """

    def __init__(self, kept: int = KEPT):
        self.kept = kept
        self._entries: dict[Hashable, tuple[tuple[Tensor, ...], tuple, object]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __reduce__(self):
        return KernelCache, (self.kept,)

    def get(self, key: Hashable, sources: tuple[Tensor, ...], make: Callable[[], Made]) -> Made:
        """What `make` returned for this key, or what it returns now if a source has changed since."""
        wanted = torch.is_grad_enabled() and any(source.requires_grad for source in sources)
        # inference tensors count no versions
        if wanted or any(source.is_inference() for source in sources):
            return make()
        state = tuple((source.data_ptr(), source._version, source.dtype) for source in sources)
        held, was, made = self._entries.pop(key, (None, None, None))
        if was != state or any(mine is not theirs for mine, theirs in zip(held, sources, strict=True)):
            # made now for a later call, which may save it for a gradient of its own
            with torch.inference_mode(False), torch.no_grad():
                made = make()
        # the last key is the latest
        self._entries[key] = sources, state, made
        while len(self._entries) > self.kept:
            del self._entries[next(iter(self._entries))]
        return made
