"""What is known of a run beside its event files, as plain data."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any


@dataclasses.dataclass(frozen=True)
class Record:
    """What a run was told, and what was changed while it trained.

    Attributes:
      hyper_parameters: name -> value of the flags that the run cannot change once it has begun.
      rate_names: names of flags that say what the learning rate is; others than the run's own do no harm.
      sessions: each start of the run as the fields of `run_record.Session`, oldest first.
      changes: (global step, what was done by whom) for each change of the learning rate while the run trained.
    """

    hyper_parameters: Mapping[str, Any]
    rate_names: Collection[str]
    sessions: Sequence[Mapping[str, Any]]
    changes: Sequence[tuple[int, str]]

    @property
    def flags(self) -> Mapping[str, Any]:
        """Every flag of the newest start; none where there was no start."""
        return self.sessions[-1]["flags"] if self.sessions else {}

    @property
    def boundaries(self) -> list[int]:
        """The rising steps at which the learning rate changes: those of the schedule, and of the changes."""
        return sorted({*self.hyper_parameters.get("boundaries", []), *(step for step, _ in self.changes)})


NOTHING = Record(hyper_parameters={}, rate_names=(), sessions=(), changes=())  # Of a run without a record.
