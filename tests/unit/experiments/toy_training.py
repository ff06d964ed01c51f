"""A small torch training with all that draws: shuffled data, dropout, Adam, a schedule, three generators."""

import random

import numpy as np
import torch
from torch import nn

from ktnlib.experiments.checkpoint import Training

SCALES = {"smoke": {"seeds": 1, "epochs": 3, "batch_size": 8}}
UNITS = {"loss": "", "weights": "", "draws": ""}


def run_seed(seed, *, device, checkpoint, epochs, batch_size):
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (a global generator is among what must be put back)
    net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 1))
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
    scheduler = torch.optim.lr_scheduler.StepLR(optimiser, step_size=4, gamma=0.7)
    training = Training(net, optimiser, torch.Generator().manual_seed(seed), scheduler)
    data = torch.randn(32, 6, generator=torch.Generator().manual_seed(9))
    training.log["losses"] = []
    training.restore(checkpoint)
    for _, batch, samples in training.batches(epochs=epochs, samples=32, batch_size=batch_size):
        noise = random.random() + float(np.random.rand())  # noqa: NPY002
        loss = (net(data[samples]) - data[samples].sum(1, keepdim=True) - 0.01 * noise).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        scheduler.step()
        training.log["losses"].append(loss.item())
        if batch % 2:
            training.save(checkpoint)
    losses = {f"loss.{i}": value for i, value in enumerate(training.log["losses"])}
    weights = sum(parameter.double().sum().item() for parameter in net.parameters())
    return losses | {"weights": weights, "draws": random.random() + torch.rand(()).item()}
