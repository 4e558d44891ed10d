"""The tasks that have said hello to the chief, and those that have not."""

import dataclasses

from cluster.membership.messages import Hello
from cluster.membership.party import described
from cluster.task import Role, Task


@dataclasses.dataclass
class Entry:
    """A task that has said hello. It is `here` until it has left, or is lost; `name` is what people call it."""

    hello: Hello
    name: str
    link: int
    heard: float
    ready: bool = False
    here: bool = True


class Entries:
    """Which of a chief's peers have come."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._entries: dict[tuple[Role, int], Entry] = {}

    def add(self, hello: Hello, *, link: int, now: float) -> None:
        """Enters a task that has said hello over `link`."""
        name = described(self._task, hello.role, hello.index)
        self._entries[hello.role, hello.index] = Entry(hello, name, link, heard=now)

    def hello_of(self, role: Role, index: int) -> Hello | None:
        """What a task has said of itself, if it has come."""
        entry = self._entries.get((role, index))
        return entry.hello if entry else None

    def at(self, link: int) -> Entry | None:
        """The task at a connection, if it is here."""
        return next((entry for entry in self.here if entry.link == link), None)

    @property
    def here(self) -> list[Entry]:
        """Those who have come and are neither gone nor lost."""
        return [entry for entry in self._entries.values() if entry.here]

    @property
    def links(self) -> list[int]:
        """The connections of those who are here."""
        return [entry.link for entry in self.here]

    @property
    def missing(self) -> list[str]:
        """The names of those who have not come yet."""
        return [described(self._task, *peer) for peer in self._task.peers if peer not in self._entries]

    @property
    def unready(self) -> list[str]:
        """The names of those who are here and not ready yet."""
        return [entry.name for entry in self.here if not entry.ready]
