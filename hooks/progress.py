"""Tells the person who waits how far the run is."""

import datetime
import sys
from collections.abc import Mapping

import tqdm

from hooks.interval import IntervalHook
from summaries import tags

_BAR = "{percentage:3.0f}% |{bar}| step {n_fmt}/{total_fmt} [{elapsed} run, {remaining} left{postfix}]"


class ProgressHook(IntervalHook):
    """A bar with step, loss, learning rate, images/s and time left on a terminal; a line an interval elsewhere."""

    def __init__(self, *, terminal: bool | None = None, **interval_arguments):
        super().__init__(**interval_arguments)
        self._terminal = sys.stderr.isatty() if terminal is None else terminal
        self._bar: tqdm.tqdm | None = None

    def after_create_session(self, session, coord):
        super().after_create_session(session, coord)
        if self._terminal and self._bar is None:
            self._bar = tqdm.tqdm(
                total=self._due.last_step,
                initial=self._step,
                unit="step",
                dynamic_ncols=True,
                bar_format=_BAR,
            )

    def after_run(self, run_context, run_values):
        super().after_run(run_context, run_values)
        if self._bar is not None:
            self._bar.update()

    def at_interval(self, step: int, values: Mapping[str, float]) -> None:
        numbers = f"loss {values[tags.LOSS]:.4f}, learning rate {values[tags.LEARNING_RATE]:g}"
        speed = values[tags.IMAGES_PER_SECOND]
        # It is 0 while the only step so far was the first, in which TensorFlow sets itself up.
        numbers += f", {speed:.0f} images/s" if speed else ""
        if self._bar is not None:
            self._bar.set_postfix_str(numbers, refresh=False)
            return
        left = f", {self._time_left(step, speed)} left" if speed else ""
        print(f"step {step}/{self._due.last_step}: {numbers}{left}", flush=True)

    def _time_left(self, step: int, images_per_second: float) -> datetime.timedelta:
        return datetime.timedelta(seconds=round((self._due.last_step - step) * self._batch_size / images_per_second))

    def close(self) -> None:
        """Ends the bar. A session that ends by an error tells its hooks nothing of it."""
        if self._bar is not None:
            self._bar.close()
