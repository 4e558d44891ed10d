"""The table of flags: each with its default, its help and the parser that checks it by itself."""

from flags.registry import Group, names
from flags.table import (  # noqa: F401 (they define by being imported)
    asking,
    cluster,
    compute,
    learning_rate,
    recipe,
    run,
    training,
    watching,
)


def learning_rate_names() -> frozenset[str]:
    """The flags that say what the learning rate is."""
    return frozenset(names(Group.LEARNING_RATE))


def compared_names() -> frozenset[str]:
    """The flags that compare varies: those of the learning rate and of the recipe."""
    return learning_rate_names() | frozenset(names(Group.RECIPE))
