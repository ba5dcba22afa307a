"""The curve of the anchor beside what the notebooks printed."""

from collections.abc import Mapping, Sequence

from benchmarks.uci_har import ROOT
from sensegen.artifacts import writing
from sensegen.reporting import drawing

PICTURE = ROOT / "docs" / "images" / "anchor.png"
LEFT, TOP, WIDTH, HEIGHT, BELOW = 0.7, 0.35, 6.5, 3.0, 0.5  # inches
TITLE = "Negative log likelihood, nats a step; dotted: where 1599NanModel went to NaN"


def draw(rows: Sequence[Mapping[str, str]], notebooks: Mapping[str, Mapping[int, float]]) -> None:
    """Ours, on the series that were trained on and on the next four, and the notebooks' numbers as points."""
    with drawing.themed(drawing.LIGHT):
        drawn = drawing.figure(TOP + HEIGHT + BELOW)
        axes = drawing.place(drawn, LEFT, TOP, WIDTH, HEIGHT)
        for index, (name, label) in enumerate((("loss", "ours"), ("held_out_loss", "ours, next four series"))):
            there = [row for row in rows if row[name]]
            epochs, losses = [int(row["epoch"]) for row in there], [float(row[name]) for row in there]
            axes.plot(epochs, losses, color=drawing.LIGHT.line(index)[0], label=label, linewidth=1)
        theirs = drawing.LIGHT.line(2)[0]
        for marker, (label, known) in zip("ox", notebooks.items(), strict=True):
            axes.plot(list(known), list(known.values()), marker, color=theirs, label=label)
        axes.axvline(1515, linestyle=":", linewidth=1, color=theirs)
        axes.set_title(TITLE, loc="left", size=8)
        axes.set_xlabel("epoch")
        axes.legend()
        with writing(PICTURE) as temporary:
            temporary.write_bytes(drawing.png(drawn))
