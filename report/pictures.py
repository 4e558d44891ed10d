"""Event files -> pictures: the newest one of each tag."""

import dataclasses
import logging
from pathlib import Path

from tensorboard.backend.event_processing import event_accumulator

from settings.run import EVALUATION_RUN

# Of what is not a picture, one of a tag is enough.
_KEPT = dict.fromkeys(event_accumulator.DEFAULT_SIZE_GUIDANCE, 1)


@dataclasses.dataclass(frozen=True)
class Picture:
    """A PNG as it stands in the event file, written at global step `step`."""

    step: int
    png: bytes


def read_pictures(model_dir: str) -> dict[str, Picture]:
    """The picture that an evaluation of the run wrote last, by tag; none without evaluations.

    The last one written is not that of the highest step where the run went back to an older checkpoint.
    """
    directory = Path(model_dir) / EVALUATION_RUN
    if not directory.is_dir():
        return {}
    logging.getLogger("tensorboard").setLevel(logging.ERROR)  # It warns of every resume.
    # Not purged: a restart would leave none where the only one kept is of a later step.
    events = event_accumulator.EventAccumulator(str(directory), size_guidance=_KEPT, purge_orphaned_data=False)
    events.Reload()
    newest = {tag: events.Images(tag)[-1] for tag in events.Tags()[event_accumulator.IMAGES]}
    return {tag: Picture(image.step, image.encoded_image_string) for tag, image in newest.items()}
