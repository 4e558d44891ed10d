"""The table of flags: each with its default, its help and the parser that checks it by itself."""

from flags.registry import Group, names
from flags.table import (  # noqa: F401 (they define by being imported)
    asking,
    cluster,
    learning_rate,
    recipe,
    run,
    training,
    watching,
)


def learning_rate_names() -> frozenset[str]:
    """The flags that say what the learning rate is, the ones that compare varies."""
    return frozenset(names(Group.LEARNING_RATE))
