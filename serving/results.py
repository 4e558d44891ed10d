"""What comes of a file of an image."""

import dataclasses
import re

import numpy as np

# What TensorFlow says is wrong stands after the name of the node and before "[[".
_BEFORE_NODE = re.compile(r"^Graph execution error:.*?\nNode: [^\n]*\n", re.DOTALL)


@dataclasses.dataclass(frozen=True, eq=False)
class Prediction:
    """The file at `path` shows each class with one of `probabilities`, [classes] float32."""

    path: str
    probabilities: np.ndarray


@dataclasses.dataclass(frozen=True)
class Failure:
    """There is no prediction for `path`, for the reason `error`, one line."""

    path: str
    error: str


def one_line(error: BaseException) -> str:
    """What an error says, without TensorFlow's account of where in the graph and without the path of a file."""
    said = getattr(error, "message", None) or getattr(error, "strerror", None) or str(error)
    text = " ".join(_BEFORE_NODE.sub("", said).split("[[")[0].split())
    return text[:300] or type(error).__name__
