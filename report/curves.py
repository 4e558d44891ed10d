"""Event files -> curves."""

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing import event_accumulator

from settings import UserError
from settings.run import EVALUATION_RUN
from summaries import tags


@dataclasses.dataclass(frozen=True, eq=False)
class Curve:
    """One scalar over a run: `steps` int64 `[n]`, strictly rising, and `values` float64 `[n]`."""

    steps: np.ndarray
    values: np.ndarray

    def since(self, step: float) -> "Curve":
        """The points at `step` and later."""
        return Curve(self.steps[self.steps >= step], self.values[self.steps >= step])

    def finite(self) -> "Curve":
        """The points whose value is a finite number."""
        return Curve(self.steps[np.isfinite(self.values)], self.values[np.isfinite(self.values)])


@dataclasses.dataclass(frozen=True)
class Curves:
    """The curves of a run by tag (`summaries/tags.py`), each with a point or more. `validation` may be empty."""

    train: Mapping[str, Curve]
    validation: Mapping[str, Curve]

    @property
    def last_step(self) -> int:
        """The last step with a loss, in training or validation."""
        return max((int(loss.steps[-1]) for loss in self.of(tags.LOSS).values()), default=0)

    def of(self, tag: str) -> dict[str, Curve]:
        """The curves under `tag` by split, `train` before `validation`."""
        splits = {"train": self.train, "validation": self.validation}
        return {name: split[tag] for name, split in splits.items() if tag in split}


def read_curves(model_dir: str) -> Curves:
    """Reads every scalar of a run: training from the event files in `model_dir`, validation from those in `eval/`.

    Raises:
      UserError: no such directory, or no training loss in it.
    """
    if not Path(model_dir).is_dir():
        raise UserError(f"no such directory: model_dir {model_dir!r}; give the model_dir of a run")
    train = _read_scalars(model_dir)
    if tags.LOSS not in train:
        fix = "give the model_dir of a run that has trained for a summary interval or more"
        raise UserError(f"no training loss in event files (*tfevents*) directly in model_dir {model_dir!r}; {fix}")
    validation_dir = Path(model_dir) / EVALUATION_RUN
    return Curves(train, _read_scalars(str(validation_dir)) if validation_dir.is_dir() else {})


def _read_scalars(directory: str) -> dict[str, Curve]:
    logging.getLogger("tensorboard").setLevel(logging.ERROR)  # It warns of every resume.
    events = event_accumulator.EventAccumulator(directory, size_guidance={event_accumulator.SCALARS: 0})  # 0 keeps all.
    events.Reload()
    return {tag: _one_point_a_step(events.Scalars(tag)) for tag in events.Tags()[event_accumulator.SCALARS]}


def _one_point_a_step(events: Sequence) -> Curve:
    """Leaves out the points from before a restart: those with a later written point at their step or an earlier one."""
    written = sorted(events, key=lambda event: event.wall_time)
    steps = np.array([event.step for event in written], np.int64)
    values = np.array([event.value for event in written], np.float64)
    lowest_from_here = np.minimum.accumulate(steps[::-1])[::-1]
    stands = np.append(steps[:-1] < lowest_from_here[1:], True)
    return Curve(steps[stands], values[stands])
