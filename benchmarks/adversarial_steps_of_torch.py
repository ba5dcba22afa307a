"""Times steps of a Wasserstein GAN with gradient penalty in PyTorch; run in an environment of its own.

`python adversarial_steps_of_torch.py THREADS STEPS` prints the seconds of each step after the first: five updates of
the critic and one of the generator, both of 2 x GRU 64 over 128 samples of 9 channels, told one of 6 activities.
"""

import sys
import time

import torch
from torch import nn

LENGTH, CHANNELS, CLASSES, UNITS, NOISE, BATCH, CRITIC_STEPS, PENALTY = 128, 9, 6, 64, 36, 64, 5, 10.0


class Recurrent(nn.Module):
    """Two layers of GRU and a dense one; the critic sees the mean over time and the last sample."""

    def __init__(self, features: int, outputs: int, critic: bool):
        super().__init__()
        self.critic = critic
        self.recurrent = nn.GRU(features + CLASSES, UNITS, 2, batch_first=True)
        self.hidden, self.out = nn.Linear(UNITS * (1 + critic), UNITS), nn.Linear(UNITS, outputs)

    def forward(self, values: torch.Tensor, activity: torch.Tensor) -> torch.Tensor:
        along = activity[:, None].expand(-1, LENGTH, -1)
        states, _ = self.recurrent(torch.cat([values, along], -1))
        if self.critic:
            states = torch.cat([states.mean(1), states[:, -1]], -1)
        return self.out(nn.functional.leaky_relu(self.hidden(states), 0.2))


def main() -> None:
    threads, steps = (int(word) for word in sys.argv[1:])
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    maker, critic = Recurrent(NOISE, CHANNELS, False), Recurrent(CHANNELS, 1, True)
    optimisers = [torch.optim.Adam(network.parameters(), 2e-4, betas=(0.0, 0.9)) for network in (maker, critic)]
    activity = nn.functional.one_hot(torch.arange(BATCH) % CLASSES, CLASSES).float()
    for _ in range(steps + 1):
        began = time.perf_counter()
        for _ in range(CRITIC_STEPS):
            real = torch.randn(BATCH, LENGTH, CHANNELS)
            with torch.no_grad():
                made = maker(torch.randn(BATCH, LENGTH, NOISE), activity)
            share = torch.rand(BATCH, 1, 1)
            between = (share * real + (1 - share) * made).requires_grad_()
            (slope,) = torch.autograd.grad(critic(between, activity).sum(), between, create_graph=True)
            penalty = ((slope.square().sum((1, 2)) + 1e-12).sqrt() - 1).square().mean()
            loss = critic(made, activity).mean() - critic(real, activity).mean() + PENALTY * penalty
            update(loss, critic, optimisers[1])
        made = maker(torch.randn(BATCH, LENGTH, NOISE), activity)
        update(-critic(made, activity).mean(), maker, optimisers[0])
        print(time.perf_counter() - began, flush=True)


def update(loss: torch.Tensor, network: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """One update with clipped gradients."""
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()


if __name__ == "__main__":
    main()
