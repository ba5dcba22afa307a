"""docs/images/stages.svg: the stages of `dvc.yaml`, what flows between them, and what stands around them.

Stages stand in one column in their order. A stage that others read has a line of its own beside it, which goes down
to the last of its readers, with an arrow into each: no layout is computed, and a new stage is one more row.
"""

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any
from xml.sax.saxutils import escape

Graph = Mapping[str, Mapping[str, Any]]

LEFT, BOX_WIDTH, TOP = 234, 508, 110
BAR_WIDTH = 180
BOX_HEIGHT, ROW = 58, 74
LANE = 24
COLOURS = ("#1f77b4", "#d95f02", "#2a8f4e", "#7b4fa3", "#b8860b", "#c2185b", "#00838f", "#5d4037", "#546e7a")
OF_EVERY_TRAINING = ("alerts", "curves")  # read by the report alone, and by it of every stage that trains
PREFECT = (
    *("walks the graph: each", "stage one task, with its", "time limit, retries and", "progress; and, if asked,"),
    *("schedules, alerts and", "a worker"),
)
DVC = (
    *("gives the order, skips", "a stage whose code,", "params and inputs are", "as they were, and keeps"),
    *("what stages write", "(artifacts/)"),
)
BELOW = {
    "MLflow: runs": ("params, curves, metrics and", "alerts of every stage, under", "one run of the pipeline"),
    "MLflow: registry": (
        "each generator is a version: the",
        "challenger; champion once it is",
        "better on validation people",
    ),
    "use": ("sensegen serve, generate:", "windows by activity and seed;", "evaluate: windows of anybody"),
}
STYLE = """
text { font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #222 }
.name { font-weight: 700; font-size: 15px } .small { font-size: 12px; fill: #555 }
.box { fill: #f4f7fb; stroke: #7a8ca5 } .around { fill: #fdf8ec; stroke: #b9a36b }
.lane { fill: none; stroke-width: 2 } .grey { stroke: #8a8a8a; stroke-width: 1.5; fill: none } .head { fill: #8a8a8a }
"""


def picture(graph: Graph) -> str:
    """The whole picture as SVG."""
    read = reads(graph)
    writers = [stage for stage in graph if any(stage in of for of in read.values())]
    width = LEFT + BOX_WIDTH + LANE * (len(writers) + 1) + 10
    bottom = TOP + ROW * len(graph)
    parts = [*_above(width), *_prefect(bottom, len(graph)), *_stages(graph, read), *_lanes(list(graph), read, writers)]
    parts += _below(width, bottom)
    height = bottom + 122
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    lines = [head, f"<style>{STYLE}</style>", f'<rect width="{width}" height="{height}" fill="#fff"/>']
    return "\n".join([*lines, *parts, "</svg>"]) + "\n"


def reads(graph: Graph) -> dict[str, dict[str, list[str]]]:
    """What each stage reads, by the stage that wrote it: names of outs, without their endings."""
    found: dict[str, dict[str, list[str]]] = {stage: {} for stage in graph}
    for stage, entry in graph.items():
        for dependency in entry["deps"]:
            if dependency.startswith("artifacts/"):
                _, writer, name = PurePath(dependency).parts
                found[stage].setdefault(writer, []).append(PurePath(name).stem)
    return found


def flowing(stage: str, graph: Graph, read: Mapping[str, Mapping[str, list[str]]]) -> list[str]:
    """What others read of a stage, in the order in which it is listed; of the last one, all that it writes."""
    names = [name for of in read.values() for name in of.get(stage, ()) if name not in OF_EVERY_TRAINING]
    outs = graph[stage]["outs"] + graph[stage].get("metrics", [])
    written = [PurePath(next(iter(out)) if isinstance(out, dict) else out) for out in outs]
    last = not any(stage in of for of in read.values())
    return [out.name if last else out.stem for out in written if last or out.stem in names]


def _stages(graph: Graph, read: Mapping[str, Mapping[str, list[str]]]) -> Iterator[str]:
    for row, (stage, entry) in enumerate(graph.items()):
        top = TOP + ROW * row
        yield f'<rect class="box" x="{LEFT}" y="{top}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6"/>'
        yield _text(LEFT + 12, top + 18, stage, "name")
        yield _text(LEFT + 12, top + 35, entry["desc"])
        colour = f' style="fill: {COLOURS[row % len(COLOURS)]}"'
        yield _text(LEFT + 12, top + 51, "→ " + ", ".join(flowing(stage, graph, read)), "small", colour)


def _lanes(stages: list[str], read: Mapping[str, Mapping[str, list[str]]], writers: list[str]) -> Iterator[str]:
    right = LEFT + BOX_WIDTH
    for writer in writers:
        # The first writer's line is outermost: where a line leaves its box it crosses none of those before it.
        x = right + LANE * (len(writers) - writers.index(writer))
        row = stages.index(writer)
        colour = COLOURS[row % len(COLOURS)]
        stroke = f'class="lane" stroke="{colour}"'
        ends = [_arrival(stages, read, reader, writer) for reader, of in read.items() if writer in of]
        yield f'<path {stroke} d="M{right} {TOP + ROW * row + 50} H{x} V{max(ends)}"/>'
        for end in ends:
            yield f'<path {stroke} d="M{x} {end} H{right + 8}"/>'
            yield f'<path fill="{colour}" d="M{right} {end} l9 -4 v8 z"/>'


def _arrival(stages: list[str], read: Mapping[str, Mapping[str, list[str]]], reader: str, writer: str) -> int:
    """How far down the arrow of a writer meets its reader: the latest writer's above."""
    before = [stage for stage in reversed(stages) if stage in read[reader]]
    step = min(7, (BOX_HEIGHT - 9) // len(before))
    return TOP + ROW * stages.index(reader) + 6 + step * before.index(writer)


def _above(width: int) -> Iterator[str]:
    yield f'<rect class="around" x="{LEFT}" y="14" width="{BOX_WIDTH}" height="66" rx="6"/>'
    yield _text(LEFT + 12, 34, "what a person changes", "name")
    yield _text(LEFT + 12, 51, "params.yaml (presets, spaces), and recordings: an archive,")
    yield _text(LEFT + 12, 68, "my_files/, inbox/, or the simulator")
    yield _downwards(LEFT + BOX_WIDTH // 2, 80, TOP)


def _prefect(bottom: int, rows: int) -> Iterator[str]:
    yield f'<rect class="around" x="14" y="{TOP}" width="{BAR_WIDTH}" height="{bottom - TOP - 16}" rx="6"/>'
    yield from _paragraph(26, TOP + 22, "Prefect", PREFECT)
    yield from _paragraph(26, TOP + 232, "DVC", DVC)
    for row in range(rows):
        middle = TOP + ROW * row + BOX_HEIGHT // 2
        yield _rightwards(14 + BAR_WIDTH, LEFT, middle)


def _below(width: int, bottom: int) -> Iterator[str]:
    top, step = bottom + 24, (width - 28 + 20) // len(BELOW)
    yield _downwards(LEFT + 30, bottom - 16, top)
    for at, (name, lines) in enumerate(BELOW.items()):
        x = 14 + step * at
        yield f'<rect class="around" x="{x}" y="{top}" width="{step - 20}" height="84" rx="6"/>'
        yield from _paragraph(x + 12, top + 22, name, lines)
        if at:
            yield _rightwards(x - 20, x, top + 42)


def _paragraph(x: int, y: int, name: str, lines: tuple[str, ...]) -> Iterator[str]:
    yield _text(x, y, name, "name")
    for line, text in enumerate(lines, start=1):
        yield _text(x, y + 3 + 17 * line, text)


def _rightwards(begin: int, end: int, y: int) -> str:
    return f'<path class="grey" d="M{begin} {y} H{end - 4}"/><path class="head" d="M{end} {y} l-9 -4 v8 z"/>'


def _downwards(x: int, begin: int, end: int) -> str:
    return f'<path class="grey" d="M{x} {begin} V{end - 4}"/><path class="head" d="M{x} {end} l-4 -9 h8 z"/>'


def _text(x: int, y: int, text: str, kind: str = "", attributes: str = "") -> str:
    return f'<text x="{x}" y="{y}"{f" class={kind!r}" if kind else ""}{attributes}>{escape(text)}</text>'
