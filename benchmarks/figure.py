"""Cost against batch size and image size, drawn."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.results import Part, Record
from benchmarks.stats import spread

_LABELS = {Part.BATCH_SIZE: "batch size", Part.IMAGE_SIZE: "image size, px"}


def draw(records: Sequence[Record], path: Path) -> bool:
    """Writes the figure, if there is anything to draw of; returns whether."""
    drawn = [record for record in records if record.part in _LABELS]
    if not drawn:
        return False
    parts = [part for part in _LABELS if any(record.part is part for record in drawn)]
    figure = Figure(figsize=(4.5 * len(parts), 3.6), layout="constrained")
    axes = dict(zip(parts, figure.subplots(1, len(parts), squeeze=False)[0], strict=True))
    several = len({record.device for record in drawn}) > 1
    for record in drawn:
        sizes = [int(size) for size in record.numbers]
        cost = [[1000 / speed for speed in numbers["images_per_second"]] for numbers in record.numbers.values()]
        spreads = [spread(values) for values in cost]
        label = record.precision.value + (f", {record.device}" if several else "")
        (line,) = axes[record.part].plot(sizes, [each.median for each in spreads], marker="o", label=label)
        low, high = [each.lowest for each in spreads], [each.highest for each in spreads]
        axes[record.part].fill_between(sizes, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
    for part, axis in axes.items():
        axis.set_xlabel(_LABELS[part])
        axis.set_ylabel("ms an image")
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        axis.legend(frameon=False)
        if part is Part.BATCH_SIZE:
            axis.set_xscale("log", base=2)
            axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    figure.savefig(path, dpi=120)
    return True
