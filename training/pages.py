"""The pages of text that frame a run's curves in TensorBoard."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import hooks
from cluster import distribution
from model_fn import curve
from settings import Settings, SummaryLevel
from summaries import events, hparams, tags


@dataclasses.dataclass(frozen=True)
class Recorded:
    """What a run's record has of it: flags, environment, hyper-parameters to compare by, and its newest start."""

    flags: Mapping[str, Any]
    hyper_parameters: Mapping[str, Any]
    environment: Mapping[str, Any]
    session: str


def pages(settings: Settings, recorded: Recorded, class_names: Sequence[str], *, steps_per_epoch: float) -> hooks.Pages:
    """Flags, environment, the schedule as a table, and the hyper-parameters."""
    devices = {"devices": distribution.describe_devices(settings.devices)}
    first = [
        events.text(tags.FLAGS, events.markdown_table(recorded.flags, header=("flag", "value"))),
        events.text(
            tags.ENVIRONMENT, events.markdown_table({**recorded.environment, **devices}, header=("what", "value"))
        ),
        events.text(tags.SCHEDULE, _schedule_table(settings, steps_per_epoch)),
        hparams.beginning(recorded.hyper_parameters),
    ]
    minimal = settings.summaries.summaries is SummaryLevel.MINIMAL
    elsewhere = [] if minimal else [tags.of(tags.CLASS_ACCURACY, name) for name in class_names]
    return hooks.Pages(first=first, elsewhere=elsewhere)


def _schedule_table(settings: Settings, steps_per_epoch: float) -> str:
    learning_rate = settings.model.learning_rate
    steps = curve.drawn_steps(learning_rate, train_steps=settings.training.train_steps)
    told = curve.told_points(learning_rate, steps, curve.rates(learning_rate, steps))
    rows = [(f"{step:,}", f"{step / steps_per_epoch:.2f}", f"{rate:.6g}") for step, rate in told]
    return events.markdown_rows(rows, header=("step", tags.EPOCH, "learning rate"))
