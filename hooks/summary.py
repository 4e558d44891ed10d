"""Writes the training curves."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import tensorflow as tf

from hooks import memory
from hooks.interval import IntervalHook
from summaries import collect, events, layout, tags
from summaries.legend import legend

# These and memory are measured beside the graph.
_OF_THE_HOST = (tags.IMAGES_PER_SECOND, tags.STEP_MILLISECONDS, tags.EPOCH)
# All that a run needs to be understood; the other scalars help to find out why it goes as it does.
MINIMAL = frozenset({tags.LOSS, tags.ACCURACY, tags.LEARNING_RATE, tags.IMAGES_PER_SECOND})


@dataclasses.dataclass(frozen=True)
class Pages:
    """Summaries written with each START mark, and tags of scalars that evaluations write, for the layout of charts."""

    first: Sequence[tf.compat.v1.Summary]
    elsewhere: Sequence[str]


class SummaryHook(IntervalHook):
    """Writes the scalars that the model offers to `model_dir`'s event file, once an interval.

    It opens a session with a START mark: TensorBoard then drops the points that a killed process wrote after its last
    checkpoint, so that the curve of a resumed run is one line. `only`: of all the scalars these; None for all.
    """

    def __init__(
        self,
        model_dir: str,
        *,
        pages: Pages,
        steps_per_epoch: float,
        only: frozenset[str] | None,
        **interval_arguments,
    ):
        super().__init__(**interval_arguments)
        self._model_dir = model_dir
        self._pages = pages
        self._steps_per_epoch = steps_per_epoch
        self._only = only
        self._described = False

    def begin(self):
        super().begin()
        self._writer = tf.compat.v1.summary.FileWriterCache.get(self._model_dir)
        self._texts = collect.collected_texts()

    def after_create_session(self, session, coord):
        super().after_create_session(session, coord)
        start = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
        self._writer.add_session_log(start, self._step + 1)
        texts = [events.text(tag, markdown) for tag, markdown in self._texts.items()]
        written = [*self._kept([*self._scalars, *_OF_THE_HOST, *memory.held()]), *self._pages.elsewhere]
        meaning = events.text(tags.MEANING, legend(written))
        for summary in [layout.layout(written), *self._pages.first, meaning, *texts]:
            self._writer.add_summary(summary, self._step)

    def at_interval(self, step: int, values: Mapping[str, float]) -> None:
        written = {**values, tags.EPOCH: step / self._steps_per_epoch, **memory.held()}
        kept = {tag: written[tag] for tag in self._kept(written)}
        # TensorBoard keeps the description of a tag's first point.
        self._writer.add_summary(events.scalars(kept, with_descriptions=not self._described), step)
        self._described = True

    def _kept(self, written: Iterable[str]) -> list[str]:
        return [tag for tag in written if self._only is None or tag in self._only]

    def end(self, session):
        self._writer.flush()
