"""What was measured, kept beside this file: parts that were measured on different days come together on one page."""

import dataclasses
import enum
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
PATH = FOLDER / "results.json"
# Numbers of one program by what they are, one a round: {"images_per_second": [160.2, 161.0]}.
Numbers = dict[str, list[float]]


class Precision(enum.Enum):
    """What a network computes in."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class Part(enum.Enum):
    """What is measured together, in alternation."""

    PEERS = "peers"
    OVERHEAD = "overhead"
    INPUT = "input"
    EVALUATION = "evaluation"
    START = "start"
    BATCH_SIZE = "batch_size"
    IMAGE_SIZE = "image_size"
    DEPTH = "depth"
    ACCUMULATION = "accumulation"
    WORKERS = "workers"
    ROOFLINE = "roofline"
    SEED_RUN = "seed_run"


@dataclasses.dataclass(frozen=True)
class Record:
    """A part in one precision on one machine: numbers by program, and facts that no round changes.

    `device` is what trained, `machine` all of it. `command` measured it, at `commit`, on `date`.
    """

    part: Part
    precision: Precision
    device: str
    machine: str
    date: str
    commit: str
    command: str
    versions: Mapping[str, str]
    numbers: Mapping[str, Numbers]
    facts: Mapping[str, float]

    @property
    def rounds(self) -> int:
        return max((len(values) for of_one in self.numbers.values() for values in of_one.values()), default=0)

    def of(self, program: str, number: str) -> list[float]:
        """One number of a program, one value a round."""
        return self.numbers[program][number]


def merged(known: Iterable[Record], new: Iterable[Record]) -> list[Record]:
    """All records, of two of the same part, precision and device the later: a part measured anew replaces the old."""
    latest = {(record.device, record.part, record.precision): record for record in [*known, *new]}
    parts, precisions = list(Part), list(Precision)
    return sorted(
        latest.values(), key=lambda each: (each.device, parts.index(each.part), precisions.index(each.precision))
    )


def load(path: Path = PATH) -> list[Record]:
    """What has been measured so far; nothing if there is no file."""
    return [_record(fields) for fields in json.loads(path.read_text())] if path.exists() else []


def save(records: Sequence[Record], path: Path = PATH) -> None:
    rows = [
        dataclasses.asdict(record) | {"part": record.part.value, "precision": record.precision.value}
        for record in records
    ]
    path.write_text(json.dumps(rows, indent=1) + "\n")


def _record(fields: dict[str, Any]) -> Record:
    return Record(**(fields | {"part": Part(fields["part"]), "precision": Precision(fields["precision"])}))
