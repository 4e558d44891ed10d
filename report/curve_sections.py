"""What a page says of a run by its event files, as HTML: curves, drops, learning rate, mistakes, classes, speed."""

import numpy as np

from report.comparison_numbers import best, minutes_of_training
from report.curves import Curve, Curves
from report.markup import Element, bullets, element, paragraph, picture, table
from report.numbers import BEFORE_AND_AFTER, loss_lines, passed, table_rows
from report.run_page import CURVES_FILE, RATE_FILE, RunPage
from report.text import flag_cell, step_cell, value_cell
from summaries import tags

WORST = 40  # So many classes are shown. A table of a thousand is no report.


def summary(run: RunPage) -> str:
    """One line: what the run is, how far it got and how good it was, as far as that is known."""
    flags = run.record.flags
    what = [flag_cell(flags[name]) for name in ("network", "dataset") if name in flags]
    if "batch_size" in flags:
        what.append(f"batch size {flags['batch_size']}")
    if run.curves is None:
        return ", ".join([*what, "no curves yet"])
    wanted = f" of {step_cell(flags['train_steps'])}" if "train_steps" in flags else ""
    return f"{', '.join([*what, f'{step_cell(run.curves.last_step)}{wanted} steps'])}. {_accuracy(run.curves)}"


def _accuracy(curves: Curves) -> str:
    accuracy = curves.validation.get(tags.ACCURACY)
    highest, step = best(accuracy, np.argmax)
    if accuracy is None or highest is None:
        return "No validation accuracy yet."
    final = value_cell(tags.ACCURACY, float(accuracy.values[-1]))
    return f"Validation accuracy {final} at the end, at best {highest:.1%} (step {step_cell(step)})."


def curves_section(run: RunPage, curves: Curves) -> list[Element]:
    """Loss and accuracy, train and validation."""
    alt = f"Loss and accuracy of {run.name} against the global step, train and validation, with the learning rate"
    split = "train and validation" if curves.validation else "train"
    dashed = " Dashed: the learning rate changes." if passed(curves, run.record.boundaries) else ""
    caption = f"Loss and accuracy, {split}, up to step {curves.last_step:,}.{dashed}"
    return [picture(run.charts[CURVES_FILE], alt=alt, caption=caption, class_="chart")]


def drops_section(run: RunPage, curves: Curves) -> list[Element]:
    """The numbers before and after each boundary, and at the end."""
    boundaries = run.record.boundaries
    note = [paragraph(BEFORE_AND_AFTER, class_="note")] if passed(curves, boundaries) else []
    lines = loss_lines(curves, boundaries)
    return [table(table_rows(curves, boundaries), left=1), *note, *([bullets(lines)] if lines else [])]


def rate_section(run: RunPage, curves: Curves) -> list[Element]:
    """The learning rate as the run had it, what the schedule was told, and what was changed while the run trained."""
    alt = f"The learning rate of {run.name} against the global step"
    if RATE_FILE in run.charts:
        caption = "The learning rate that the updates used."
        shown = picture(run.charts[RATE_FILE], alt=alt, caption=caption, class_="chart")
    else:
        shown = paragraph("Not in the event files: learning rate.")
    told = {name: value for name, value in run.record.hyper_parameters.items() if name in run.record.rate_names}
    rows = [("schedule", "value"), *((f"--{name}", flag_cell(value)) for name, value in told.items())]
    made = [f"Step {step:,}: {what}" for step, what in run.record.changes]
    return [
        shown,
        *([table(rows, left=2)] if told else []),
        *([paragraph("Changed while the run trained:"), bullets(made)] if made else []),
    ]


def mistakes_section(run: RunPage, curves: Curves) -> list[Element]:
    """The newest confusion matrix and most confident mistakes of the validation split."""
    kinds = {tags.CONFUSION_MATRIX: "Confusion matrix", tags.MISTAKES: "Most confident mistakes"}
    shown = []
    for tag, what in kinds.items():
        if tag in run.pictures:
            found = run.pictures[tag]
            caption = f"{what} of the validation split after step {found.step:,}."
            shown.append(picture(found.png, alt=f"{what} of {run.name}", caption=caption))
    missing = [what.lower() for tag, what in kinds.items() if tag not in run.pictures]
    said = [paragraph(f"Not in the event files: {', '.join(missing)}.")] if missing else []
    return [*([element("div", *shown, class_="sides")] if shown else []), *said]


def classes_section(run: RunPage, curves: Curves) -> list[Element]:
    """The newest accuracy of each class of the validation split, the worst first."""
    group = tags.of(tags.CLASS_ACCURACY, "")
    found = {tag.removeprefix(group): curve for tag, curve in curves.validation.items() if tag.startswith(group)}
    if not found:
        return [paragraph("Not in the event files: accuracy of single classes.")]
    newest = {name: float(curve.values[-1]) for name, curve in found.items()}
    # A class without an example has no accuracy, and is not the worst.
    ranked = sorted(newest, key=lambda name: (not np.isfinite(newest[name]), newest[name], name))
    rows = [(name, value_cell(tags.ACCURACY, newest[name]), _bar(newest[name])) for name in ranked[:WORST]]
    step = max(int(curve.steps[-1]) for curve in found.values())
    note = f"Of the validation split after step {step:,}."
    if len(ranked) > WORST:
        note = f"The worst {WORST} of {len(ranked):,} classes of the validation split after step {step:,}."
    return [table([("class", "accuracy", ""), *rows], left=1), paragraph(note, class_="note")]


def _bar(share: float) -> Element:
    width = 100 * min(max(share, 0), 1) if np.isfinite(share) else 0
    return element("div", element("span", style=f"width:{width:.1f}%"), class_="bar")


def speed_section(run: RunPage, curves: Curves) -> list[Element]:
    """How fast the run trained, how long that took, and what it needed."""
    pace = curves.train.get(tags.IMAGES_PER_SECOND)
    batch_size = run.record.flags.get("batch_size")
    minutes = minutes_of_training(pace, batch_size=batch_size) if batch_size else None
    values = [
        ("images a second, median", _told(_median(pace, positive=True), "{:,.1f}")),
        ("minutes inside training steps", _told(minutes, "{:,.1f}")),
        ("milliseconds a step, median", _told(_median(curves.train.get(tags.STEP_MILLISECONDS)), "{:,.1f}")),
        ("share of time waiting for input, median", _told(_median(curves.train.get(tags.INPUT_WAIT)), "{:.1%}")),
        ("memory at most, GiB", _told(best(curves.train.get(tags.MEMORY), np.argmax)[0], "{:.2f}")),
        ("GPU memory at most, GiB", _told(best(curves.train.get(tags.GPU_MEMORY), np.argmax)[0], "{:.2f}")),
    ]
    rows = [(what, value) for what, value in values if value]
    if not rows:
        return [paragraph("Not in the event files: images a second, milliseconds a step, memory.")]
    return [table([("measure", "value"), *rows], left=1)]


def _median(curve: Curve | None, *, positive: bool = False) -> float | None:
    """The median of the finite values, with `positive` of those above 0: a pace of 0 is one that was not timed."""
    if curve is None:
        return None
    values = curve.finite().values
    values = values[values > 0] if positive else values
    return float(np.median(values)) if values.size else None


def _told(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)
