"""Predictions as text, a row each as it comes: a table for people, JSON lines or CSV for programs."""

import csv
import io
import json
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TextIO

import numpy as np

from serving.results import Failure, Prediction
from settings import OutputFormat

_Row = Callable[[Prediction | Failure], str]

# Columns to which the paths of a table are padded. Rows are written one by one, so a longer path moves its row.
_PATH_WIDTH = 40


class Written(NamedTuple):
    """How many files were predicted, and for how many there is an error instead."""

    predicted: int
    failed: int


def write(
    results: Iterable[Prediction | Failure],
    *,
    form: OutputFormat,
    class_names: Sequence[str],
    classes_shown: int,
    file: TextIO,
) -> Written:
    """Writes a row for each result as soon as it comes, and returns their numbers.

    - TABLE: path, then the `classes_shown` likeliest classes with percent. What cannot be printed is escaped.
    - JSON_LINES: an object a line, {"path", "class", "probability", "probabilities": {class: probability}}, or
      {"path", "error"}; in ASCII. Paths that are no text keep their bytes (`os.fsencode` gives them back).
    - CSV: a header, then path, class, probability, a column `probability_NAME` for each class, and error; the last or
      all but the path are empty. Text is quoted, numbers are not. A path's bytes that are no text are escaped.

    Probabilities in JSON_LINES and CSV are exact: read as float32 they are what the network gave.
    """
    header, row = _ROWS[form](class_names, classes_shown)
    _write(header, file)
    failed = predicted = 0
    for result in results:
        _write(row(result), file)
        failed += isinstance(result, Failure)
        predicted += isinstance(result, Prediction)
    return Written(predicted, failed)


def _write(text: str, file: TextIO) -> None:
    # A path may hold bytes that are no text, or a character that the terminal's encoding does not know.
    encoding = getattr(file, "encoding", None) or "utf-8"
    file.write(text.encode(encoding, "backslashreplace").decode(encoding))
    file.flush()


def _table(class_names: Sequence[str], classes_shown: int) -> tuple[str, _Row]:
    names = [_printable(name) for name in class_names]
    width = max(map(_columns, names))

    def row(result: Prediction | Failure) -> str:
        if isinstance(result, Failure):
            cells = [f"error: {_printable(result.error)}"]
        else:
            likeliest = np.argsort(-result.probabilities, kind="stable")[:classes_shown]
            cells = [f"{_padded(names[i], width)} {result.probabilities[i]:6.1%}" for i in likeliest]
        return "  ".join([_padded(_printable(result.path), _PATH_WIDTH), *cells]) + "\n"

    return "", row


def _json_lines(class_names: Sequence[str], classes_shown: int) -> tuple[str, _Row]:
    def row(result: Prediction | Failure) -> str:
        line: dict[str, object] = {"path": result.path}
        if isinstance(result, Failure):
            line["error"] = result.error
        else:
            numbers = _numbers(result)
            best = int(np.argmax(result.probabilities))
            line |= {
                "class": class_names[best],
                "probability": numbers[best],
                "probabilities": dict(zip(class_names, numbers, strict=True)),
            }
        return json.dumps(line) + "\n"

    return "", row


def _csv(class_names: Sequence[str], classes_shown: int) -> tuple[str, _Row]:
    def row(result: Prediction | Failure) -> str:
        if isinstance(result, Failure):
            return _csv_line([result.path, "", "", *([""] * len(class_names)), result.error])
        numbers = _numbers(result)
        best = int(np.argmax(result.probabilities))
        return _csv_line([result.path, class_names[best], numbers[best], *numbers, ""])

    columns = [f"probability_{name}" for name in class_names]
    return _csv_line(["path", "class", "probability", *columns, "error"]), row


_ROWS = {OutputFormat.TABLE: _table, OutputFormat.JSON_LINES: _json_lines, OutputFormat.CSV: _csv}


def _csv_line(cells: Sequence[str | float]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC).writerow(cells)
    return line.getvalue()


def _numbers(prediction: Prediction) -> list[float]:
    """The probabilities as the shortest decimal numbers that are equal to them as float32."""
    return [float(str(probability)) for probability in prediction.probabilities]


def _printable(text: str) -> str:
    """`text` with whatever breaks a line, or steers a terminal, as an escape sequence."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _columns(text))


def _columns(text: str) -> int:
    """How wide `text` is on a terminal, where Chinese, say, takes two columns a character and an added accent none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in ("W", "F") else 1 for c in text
    )
