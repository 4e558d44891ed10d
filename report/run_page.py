"""What a page shows of one run, and the pictures of it, which are left beside the page as PNGs too."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from report.curves import Curves
from report.files import write_bytes, write_png
from report.pictures import Picture, read_pictures
from report.record import Record
from report.run_figure import draw, rate_figure
from summaries import tags

CURVES_FILE, RATE_FILE = "report.png", "report_learning_rate.png"
PICTURE_FILES = {tags.CONFUSION_MATRIX: "report_confusion_matrix.png", tags.MISTAKES: "report_mistakes.png"}


@dataclasses.dataclass(frozen=True)
class RunPage:
    """All that a page shows of one run.

    `curves` is None for a run that has none yet. `charts` are PNGs by file name, `pictures` those of the event files by
    tag; each may be without any.
    """

    name: str
    record: Record
    curves: Curves | None
    charts: Mapping[str, bytes]
    pictures: Mapping[str, Picture]


def run_page(name: str, model_dir: str, *, curves: Curves | None, record: Record, from_step: int) -> RunPage:
    """Draws the charts of a run, reads its newest pictures, and writes both into `model_dir`.

    `curves` are those of the run; where it has none, nothing is drawn. The chart of the curves begins at `from_step`.

    Raises:
      UserError: nothing to draw from `from_step` on; a file cannot be written.
    """
    if curves is None:
        return RunPage(name, record, None, {}, {})
    folder = Path(model_dir)
    draw(curves, record.boundaries, str(folder / CURVES_FILE), from_step=from_step, title=name)
    charts = {CURVES_FILE: (folder / CURVES_FILE).read_bytes()}
    rate = curves.train.get(tags.LEARNING_RATE)
    if rate is not None:
        write_png(rate_figure(rate, record.boundaries), str(folder / RATE_FILE))
        charts[RATE_FILE] = (folder / RATE_FILE).read_bytes()
    pictures = {tag: picture for tag, picture in read_pictures(model_dir).items() if tag in PICTURE_FILES}
    for tag, picture in pictures.items():
        write_bytes(picture.png, str(folder / PICTURE_FILES[tag]), what="picture")
    return RunPage(name, record, curves, charts, pictures)
