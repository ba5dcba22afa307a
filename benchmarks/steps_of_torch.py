"""Times training steps of SenseGen's generator and of our flow's network in PyTorch; run in an environment of its own.

`python steps_of_torch.py NETWORK BATCH PRECISION THREADS STEPS` prints the seconds of each step after the first. It
imports nothing of this project, so that PyTorch stays a matter of the benchmark.
"""

import sys
import time

import torch
from torch import nn

LENGTH, UNITS, HIDDEN, MIXTURES = 128, 256, 128, 24
CHANNELS, STYLES, WIDTH, MULTIPLES, HEADS = 9, 63, 32, (1, 2, 4, 4), 4


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


class Norm(nn.Module):
    """Channels by their root mean square."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width, 1))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values * torch.rsqrt(values.square().mean(1, keepdim=True) + 1e-5) * self.scale


class Residual(nn.Module):
    """Two convolutions beside a straight way, under a condition."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.norm, self.norm_second = Norm(channels), Norm(width)
        self.first, self.second = nn.Conv1d(channels, width, 5, padding=2), nn.Conv1d(width, width, 3, padding=1)
        self.modulation = nn.Linear(4 * WIDTH, 2 * width)
        self.straight = nn.Conv1d(channels, width, 1) if channels != width else nn.Identity()

    def forward(self, values: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        scale, shift = self.modulation(condition)[:, :, None].chunk(2, 1)
        inner = self.first(nn.functional.silu(self.norm(values)))
        inner = self.second(nn.functional.silu(self.norm_second(inner) * (1 + scale) + shift))
        return self.straight(values) + inner


class Flow(nn.Module):
    """The flow's network of shapes on made windows; the loss is the mean square of what it answers."""

    def __init__(self) -> None:
        super().__init__()
        widths = [WIDTH * multiple for multiple in MULTIPLES]
        last = widths[-1]
        self.into = nn.Conv1d(2 * CHANNELS, WIDTH, 3, padding=1)
        self.condition = nn.Sequential(nn.Linear(STYLES, 4 * WIDTH), nn.SiLU(), nn.Linear(4 * WIDTH, 4 * WIDTH))
        self.down = nn.ModuleList([Residual(*pair) for pair in zip([WIDTH, *widths[:-1]], widths, strict=True)])
        self.halved = nn.ModuleList([nn.Conv1d(width, width, 2, 2) for width in widths[:-1]])
        self.middle = nn.ModuleList([Residual(last, last) for _ in range(2)])
        self.norm, self.heads, self.joined = (
            Norm(last),
            nn.Conv1d(last, 3 * last, 1, bias=False),
            nn.Conv1d(last, last, 1),
        )
        above = [*widths[1:], last]
        self.up = nn.ModuleList([Residual(low + width, width) for low, width in zip(above, widths, strict=True)])
        self.doubled = nn.ModuleList([nn.ConvTranspose1d(width, width, 2, 2) for width in widths[1:]])
        self.norm_out, self.out = Norm(WIDTH), nn.Conv1d(WIDTH, CHANNELS, 3, padding=1)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        along = values.transpose(1, 2)
        condition = self.condition(along.reshape(len(values), -1)[:, :STYLES])
        inner, passed = self.into(torch.cat([along, along], 1)), []
        for at, block in enumerate(self.down):
            inner = block(inner, condition)
            passed.append(inner)
            inner = self.halved[at](inner) if at < len(self.halved) else inner
        inner = self.middle[1](self._attended(self.middle[0](inner, condition)), condition)
        for at in reversed(range(len(self.up))):
            inner = self.up[at](torch.cat([inner, passed[at]], 1), condition)
            inner = self.doubled[at - 1](inner) if at else inner
        return self.out(nn.functional.silu(self.norm_out(inner))).square().mean()

    def _attended(self, values: torch.Tensor) -> torch.Tensor:
        batch, width, length = values.shape
        split = self.heads(self.norm(values)).view(batch, 3, HEADS, width // HEADS, length).transpose(3, 4)
        attended = nn.functional.scaled_dot_product_attention(*split.unbind(1))
        return values + self.joined(attended.transpose(2, 3).reshape(batch, width, length))


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
