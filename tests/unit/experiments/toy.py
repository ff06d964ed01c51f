"""A random walk that keeps checkpoints, to be killed: no torch, so that each restart is fast."""

import random
import time

import numpy as np

SCALES = {
    "smoke": {"seeds": 2, "steps": 6, "every": 3, "pause": 0.0},
    "slow": {"seeds": 2, "steps": 30, "every": 2, "pause": 0.01},
}
UNITS = {"walk": "m", "chance": ""}


def run_seed(seed, *, device, checkpoint, steps, every, pause):
    chance, generator = random.Random(seed), np.random.default_rng(seed)
    place, step = generator.standard_normal(700), 0
    saved = checkpoint.load()
    if saved is not None:
        place, step = saved["place"], saved["step"]
        chance.setstate(saved["chance"])
        generator.bit_generator.state = saved["generator"]
    while step < steps:
        place += generator.standard_normal(700) * chance.random()
        step += 1
        time.sleep(pause)
        if step % every == 0:
            state = {"place": place, "step": step, "chance": chance.getstate()}
            checkpoint.save(state | {"generator": generator.bit_generator.state})
    return {"walk.sum": float(place.sum()), "walk.last": float(place[-1]), "chance": chance.random()}
