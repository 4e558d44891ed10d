"""When something that is done now and then is due."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Due:
    """At every multiple of `interval` steps, and at `last_step`: a resumed run is due where a whole one would be."""

    interval: int
    last_step: int

    def at(self, step: int) -> bool:
        """Whether it is due at `step`."""
        return step % self.interval == 0 or step == self.last_step

    def since(self, previous: int, step: int) -> bool:
        """Whether it was due after `previous` and no later than `step`."""
        return step // self.interval > previous // self.interval or step == self.last_step
