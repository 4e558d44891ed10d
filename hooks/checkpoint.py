"""Saves checkpoints, and says in one line where the file system does not take one."""

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

import checkpoints
from settings import UserError

# How the names of what the base writes beside checkpoints begin, and what to call it.
_OTHERS = {"graph.pbtxt": "graph.pbtxt", "events.out.tfevents.": "the event file"}


class CheckpointHook(tf.compat.v1.train.CheckpointSaverHook):
    """As its base. Where the file system refuses a save, it removes what is half written and raises UserError: at which
    step, why, and which checkpoint the run goes on from."""

    def __init__(self, checkpoint_dir: str, **options: Any):
        super().__init__(checkpoint_dir, **options)
        self._model_dir = checkpoint_dir

    def after_create_session(self, session, coord):
        with _others_told(self._model_dir):
            super().after_create_session(session, coord)

    def _save(self, session, step):
        with _others_told(self._model_dir):
            return super()._save(session, step)

    def _get_saver(self):
        saver = super()._get_saver()
        return saver and _Saver(saver, self._model_dir)


@dataclasses.dataclass(frozen=True)
class _Saver:
    """What the hook uses of a Saver. The hook saves between calls of its listeners, and only here is it sure that an
    error is of the save."""

    saver: Any
    model_dir: str

    @property
    def saver_def(self) -> Any:
        return self.saver.saver_def

    def save(self, session: Any, path: str, *, global_step: int, **options: Any) -> str:
        prefix = f"{path}-{global_step}"
        was_there = os.path.exists(f"{prefix}.index")
        try:
            return self.saver.save(session, path, global_step=global_step, **options)
        except (tf.errors.OpError, ValueError) as error:
            reason = _reason(error, self.model_dir)
            if reason is None:
                raise
            what = f"the checkpoint of step {global_step}"
            if os.path.basename(prefix) in (checkpoints.in_use(self.model_dir) or []):
                # All of it was written, and only then the graph; or the run has begun from it, and saves it once more.
                what = f"all of {what}"
            elif not was_there:
                checkpoints.remove(checkpoints.files_of(prefix))
            raise _told(self.model_dir, what=what, reason=reason) from error


@contextlib.contextmanager
def _others_told(model_dir: str) -> Iterator[None]:
    """Listeners are called in there, too. What they raise is their own."""
    try:
        yield
    except Exception as error:
        refused = checkpoints.refused(str(error))
        name = os.path.basename(refused.path) if refused else ""
        what = next((what for beginning, what in _OTHERS.items() if name.startswith(beginning)), None)
        if refused is None or what is None:
            raise
        raise _told(model_dir, what=what, reason=refused.reason) from error


def _reason(error: Exception, model_dir: str) -> str | None:
    """What the file system said; None where it was not the file system that failed."""
    refused = checkpoints.refused(str(error))
    if refused is not None:
        return refused.reason
    return "the folder is gone" if not os.path.isdir(model_dir) else None


def _told(model_dir: str, *, what: str, reason: str) -> UserError:
    """The error to raise. Removes what the save has left."""
    checkpoints.remove(checkpoints.unfinished(model_dir))
    newest = checkpoints.examine(model_dir).good
    found = f"{newest} is intact, and the run goes on from it" if newest else "the run begins at its first step"
    return UserError(
        f"cannot write {what} to {model_dir} ({reason}); make room there, or make it writable, and start again: {found}"
    )
