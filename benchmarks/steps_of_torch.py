"""Times training steps of SenseGen's generator and of our flow's network in PyTorch; run in an environment of its own.

`python steps_of_torch.py NETWORK BATCH PRECISION THREADS STEPS` prints the seconds of each step after the first. It
imports nothing of this project, so that PyTorch stays a matter of the benchmark.
"""

import sys
import time

import torch
from torch import nn

LENGTH, UNITS, HIDDEN, MIXTURES = 128, 256, 128, 24
CHANNELS, STYLES, PATCH, WIDTH, LAYERS, HEADS = 9, 63, 8, 128, 6, 4


class SenseGen(nn.Module):
    """3 x LSTM 256, dense 128, 24 Gaussians; the loss is the negative log likelihood of the next step."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(1, UNITS, 3, batch_first=True)
        self.hidden, self.head = nn.Linear(UNITS, HIDDEN), nn.Linear(HIDDEN, 3 * MIXTURES)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        before = nn.functional.pad(values[:, :-1], (0, 0, 1, 0))
        outputs, _ = self.recurrent(before)
        logits, mean, log_stddev = self.head(torch.sigmoid(self.hidden(outputs))).float().chunk(3, dim=-1)
        z = (values - mean) * torch.exp(-log_stddev)
        return -torch.logsumexp(torch.log_softmax(logits, -1) - 0.5 * z**2 - log_stddev, -1).mean()


class Block(nn.Module):
    """A block of the diffusion transformer, conditioned by scale, shift and gate."""

    def __init__(self) -> None:
        super().__init__()
        self.modulation = nn.Linear(WIDTH, 6 * WIDTH)
        self.norm = nn.LayerNorm(WIDTH, elementwise_affine=False)
        self.heads, self.joined = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH)
        self.dense = nn.Sequential(
            nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(approximate="tanh"), nn.Linear(4 * WIDTH, WIDTH)
        )

    def forward(self, tokens: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        scale, shift, gate, scale2, shift2, gate2 = self.modulation(condition)[:, None].chunk(6, dim=-1)
        batch, count, _ = tokens.shape
        split = self.heads(self.norm(tokens) * (1 + scale) + shift).view(batch, count, 3, HEADS, WIDTH // HEADS)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        attended = nn.functional.scaled_dot_product_attention(query, key, value)
        tokens = tokens + gate * self.joined(attended.transpose(1, 2).reshape(batch, count, WIDTH))
        return tokens + gate2 * self.dense(self.norm(tokens) * (1 + scale2) + shift2)


class Flow(nn.Module):
    """The flow's network on made shapes and styles; the loss is the mean square of what it answers."""

    def __init__(self) -> None:
        super().__init__()
        self.into, self.style_in = nn.Linear(PATCH * 2 * CHANNELS, WIDTH), nn.Linear(STYLES, WIDTH)
        self.blocks = nn.ModuleList([Block() for _ in range(LAYERS)])
        self.out, self.style_out = nn.Linear(WIDTH, PATCH * CHANNELS), nn.Linear(WIDTH, STYLES)
        self.moment = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        batch = len(values)
        patches = torch.cat([values, values], -1).reshape(batch, LENGTH // PATCH, -1)
        tokens = torch.cat([self.style_in(values[:, :7].reshape(batch, STYLES))[:, None], self.into(patches)], 1)
        condition = self.moment(values[:, :15].reshape(batch, -1)[:, :WIDTH])
        for block in self.blocks:
            tokens = block(tokens, condition)
        return (self.out(tokens[:, 1:]) ** 2).mean() + (self.style_out(tokens[:, 0]) ** 2).mean()


def main() -> None:
    network, batch, precision, threads, steps = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.manual_seed(0)
    model, channels = (SenseGen(), 1) if network == "sensegen" else (Flow(), CHANNELS)
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    values = torch.randn(int(batch), LENGTH, channels)
    for _ in range(int(steps) + 1):
        began = time.perf_counter()
        optimiser.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16"):
            loss = model(values)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        print(time.perf_counter() - began, flush=True)


if __name__ == "__main__":
    main()
