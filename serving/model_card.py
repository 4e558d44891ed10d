"""The page that goes with an exported model: what it is, how good, where from, how to use it, and where it ends."""

import dataclasses
import html
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from settings import TrainedModel

FILE = "MODEL_CARD.md"
PIXELS_SIGNATURE = "pixels"

_MARKUP = re.compile(r"[\\`*_{}\[\]#!|]")

_USE = """## How to use it

With TensorFlow 2 and nothing else; `photo.png` is any image:

```python
import tensorflow as tf

model = tf.saved_model.load({folder})
print(model.signatures["serving_default"](image_bytes=tf.constant([open("photo.png", "rb").read()])))
```

`saved_model_cli show --all --dir FOLDER` lists the signatures. Each returns, for every image of the batch,
`probabilities` [batch, {classes}] float32, in the order of the classes above, and of the most probable class
`class_name` [batch] string and `class_index` [batch] int64.

| signature | input |
|---|---|
| `serving_default` | `image_bytes` [batch] string: files of JPEG, PNG, GIF (first frame) or BMP (24 bits), any size |
| `{pixels}` | `images` [batch, height, width, 3] uint8: RGB in 0 to 255, of any height and width |

Both bring images to {height} by {width} pixels (bilinear, with antialiasing), as training stored its own, and then to
{image_size} by {image_size} pixels with values in -1 to 1{crop}, as evaluations do.
"""

_TFLITE = """
`model.tflite` takes pixels: one image [1, {height}, {width}, 3] uint8, RGB in 0 to 255, already brought to that size,
and returns its probabilities [1, {classes}] float32. They are within 0.0001 of the SavedModel's. `class_names.json`
holds the classes in their order.

```python
import tensorflow as tf

image = tf.io.decode_image(open("photo.png", "rb").read(), channels=3, expand_animations=False)
image = tf.round(tf.image.resize(image, [{height}, {width}], antialias=True))
interpreter = tf.lite.Interpreter({folder} + "/model.tflite")
interpreter.allocate_tensors()
interpreter.set_tensor(interpreter.get_input_details()[0]["index"], tf.cast(image, tf.uint8)[None].numpy())
interpreter.invoke()
print(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
```
"""

_LIMITS = """
## Limits

- It knows the classes above and no "none of them": an image of anything else gets probabilities that sum to 1 as well.
- {metrics}Images of another origin than the data set's may be recognised less well.
- Every image is squeezed to {height} by {width} pixels, whatever its proportions.
- Transparency is ignored: pixels have the colour that is stored under it. Of 16 bits a channel the upper 8 count.
- Orientation in a photograph's EXIF data is ignored; turn such an image upright before.
- Probabilities are the softmax of the network's outputs, and have not been calibrated.
"""


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a model card tells beside what the model itself says: rows of tables, by their name.

    Values that are absolute paths are left out, as they say nothing elsewhere.

    `data`: of the data set. `metrics`: of the validation split. `flags`: of the run. `versions`: of packages.
    """

    data: Mapping[str, Any]
    metrics: Mapping[str, Any]
    flags: Mapping[str, Any]
    versions: Mapping[str, Any]
    commit: str


def text(model: TrainedModel, facts: Facts, *, folder: str, tflite: bool) -> str:
    """The card, in Markdown, of the model that is exported to a folder of the name `folder`."""
    height, width = model.stored_size
    places = {
        "folder": ascii(folder),
        "classes": len(model.class_names),
        "pixels": PIXELS_SIGNATURE,
        "height": height,
        "width": width,
        "image_size": model.image_size,
        "metrics": "Metrics are of the validation split named above. " if facts.metrics else "",
        "crop": f" of the middle, {model.evaluation_crop:g} of each side" if model.evaluation_crop < 1 else "",
    }
    itself = {
        "network": model.network.value,
        "checkpoint": os.path.basename(model.checkpoint),
        "evaluation_crop": model.evaluation_crop,
        "commit of the code": facts.commit,
    }
    return (
        f"# Image classifier: {_escaped(model.network.value)}, {len(model.class_names)} classes\n\n"
        "A residual network, trained by Stepdown, that gives each of its classes a probability for an image.\n\n"
        + _table(("model", ""), itself.items())
        + _table(("data set", ""), facts.data.items())
        + _table(("metric", "value"), facts.metrics.items())
        + "## Classes\n\n"
        + _table(("index", "class"), enumerate(model.class_names))
        + _USE.format(**places)
        + (_TFLITE.format(**places) if tflite else "")
        + _LIMITS.format(**places)
        + "\n## How it was trained\n\n"
        + _table(("flag", "value"), facts.flags.items())
        + _table(("package", "version"), facts.versions.items())
    ).rstrip("\n") + "\n"


def _table(heading: tuple[str, str], rows: Iterable[tuple[object, object]]) -> str:
    shown = [f"| {_cell(name)} | {_cell(value)} |\n" for name, value in rows if not _is_path(value)]
    if not shown:
        return ""
    return f"| {heading[0]} | {heading[1]} |\n|---|---|\n{''.join(shown)}\n"


def _is_path(value: object) -> bool:
    return isinstance(value, str) and os.path.isabs(os.path.expanduser(value))


def _cell(value: object) -> str:
    if value is None:
        return "not given"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ", ".join(map(_cell, value))
    return _escaped(f"{value:.6g}" if isinstance(value, float) else str(value))


def _escaped(text: str) -> str:
    """`text` as Markdown shows it: on one line, no character of it read as markup."""
    escaped = _MARKUP.sub(r"\\\g<0>", html.escape(" ".join(text.split()), quote=False))
    # Not all that show Markdown know these, of strikethrough and formulas, and so not their escapes.
    return escaped.replace("~", "&#126;").replace("$", "&#36;")
