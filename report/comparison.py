"""Several runs side by side, one of them the control: a table to print, the same in markdown, a figure and a page."""

from collections.abc import Mapping
from pathlib import Path

from report.comparison_figure import draw_comparison
from report.comparison_numbers import Comparison, measure_all, read_runs
from report.comparison_text import caption, differences, markdown, rows
from report.files import write_text
from report.markup import Element, bullets, paragraph, picture, table
from report.page import write_page
from report.record import NOTHING, Record
from report.run_page import run_page
from report.text import aligned, flag_cell


def compare(
    runs: Mapping[str, str],
    *,
    records: Mapping[str, Record],
    control: str,
    target_accuracy: float | None,
    batch_size: int,
    path: str,
) -> str:
    """Draws the runs into one figure and returns the numbers as text; writes them as markdown, and all as a page.

    Args:
      runs: name -> model_dir, in the order in which to show them. A run without curves yet is a row of "-".
      records: name -> what is known of the run beside its curves. A run may be without.
      control: the name of the run that the others are measured against.
      target_accuracy: the validation accuracy, from 0 to 1, whose first step is told; None: the best of the control.
      batch_size: the global batch size of all runs, for the minutes (see `minutes_of_training`).
      path: where the PNG goes. Markdown and page go beside it, with the suffixes `.md` and `.html`. The pictures of
        each run go into its model_dir. Each file is written whole or not at all.

    Raises:
      UserError: no run has curves, `control` is not one of `runs`, or a file cannot be written.
    """
    curves = read_runs(runs, control=control)
    comparison = measure_all(curves, control=control, target_accuracy=target_accuracy, batch_size=batch_size)
    paths = {what: str(Path(path).with_suffix(f".{what}")) for what in ("md", "html")}
    draw_comparison({name: run for name, run in curves.items() if run}, control=control, path=path)
    write_text(markdown(comparison), paths["md"], what="table")
    pages = [
        run_page(name, model_dir, curves=curves[name], record=records.get(name, NOTHING), from_step=0)
        for name, model_dir in runs.items()
    ]
    opening = _opening(comparison, {page.name: page.record for page in pages}, Path(path).read_bytes())
    title = f"{Path(path).resolve().parent.name}: {len(runs)} runs side by side"
    write_page(pages, paths["html"], title=title, opening=opening)
    numbers = f"{aligned(rows(comparison), left=1)}\n{caption(comparison)}"
    files = f"Figure:   {path}\nMarkdown: {paths['md']}\nReport:   {paths['html']}"
    return "\n\n".join(filter(None, [numbers, "\n".join(differences(comparison)), files]))


def _opening(comparison: Comparison, records: Mapping[str, Record], png: bytes) -> list[Element]:
    """What stands on the page before the single runs: figure, table, and by what they differ."""
    alt = "Train loss, validation loss, validation accuracy and learning rate of all runs against the global step"
    notes = [paragraph(line, class_="note") for line in caption(comparison).splitlines()]
    lines = differences(comparison)
    told_apart = _told_apart(records)
    return [
        picture(png, alt=alt, caption="All runs over the same steps.", class_="chart"),
        table(rows(comparison), left=1),
        *notes,
        *([bullets(lines)] if lines else []),
        *([table(told_apart, left=len(told_apart[0]), caption="What differs")] if told_apart[1:] else []),
    ]


def _told_apart(records: Mapping[str, Record]) -> list[list[str]]:
    """The hyper-parameters that are not the same in all runs: a row each, a column a run, "-" where a run has none."""
    told = {name: record.hyper_parameters for name, record in records.items() if record.hyper_parameters}
    table_rows = [["", *told]]
    for name in dict.fromkeys(name for values in told.values() for name in values):
        cells = [flag_cell(values[name]) if name in values else "-" for values in told.values()]
        if len(set(cells)) > 1:
            table_rows.append([f"--{name}", *cells])
    return table_rows
