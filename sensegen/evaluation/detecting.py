"""What the judges of one seed find in every set of windows: the judged ones, real ones, and the cheats."""

from sensegen.evaluation.controls import POWER
from sensegen.evaluation.draw import Draw, Part
from sensegen.evaluation.judges import judges
from sensegen.evaluation.panel import Panel

SYNTHETIC, WITHOUT, HALVES, TEST = "synthetic", "without", "real_halves", "real_test"


def detect(draw: Draw) -> Part:
    """By set of windows, by judge: the discriminative score and the area under its curve.

    The judged windows are asked of all judges; in a repetition with controls so are the floor, other people's windows
    and those that prove a judge's power. The other cheats are asked of `control_kinds` alone, and windows without the
    alternation of the first judge.
    """
    params = draw.params.evaluate.judges
    real, other = draw.halves
    panel = Panel(real, judges(params), draw.training, params.windows)
    draw.say("training judges")
    told = {SYNTHETIC: panel.of(draw.judged.synthetic, SYNTHETIC, params.kinds)}
    if draw.controls:
        if draw.judged.without is not None:
            told[WITHOUT] = panel.of(draw.judged.without, WITHOUT, params.kinds[:1])
        for name, windows in {HALVES: other, TEST: draw.real.test, **draw.cheats}.items():
            draw.say(f"training judges of {name}")
            asked = params.kinds if name in (HALVES, TEST, *POWER) else params.control_kinds
            told[name] = panel.of(windows, name, asked)
    return Part(told, draw.training.alerts)
