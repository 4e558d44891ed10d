"""What all the tags of a run mean, on one page of text."""

from collections.abc import Iterable

from summaries import events, tags
from summaries.descriptions import described


def legend(written: Iterable[str] | None = None) -> str:
    """A markdown table with name and meaning of each tag, and of each group instead of its many tags.

    `written`: the tags that the run is going to write, any of a group for the group; None: all that there are.
    """
    known = [value for name, value in vars(tags).items() if name.isupper()]
    present = None if written is None else list(written)
    rows = [
        (f"`{tag}`", described(tag).display_name, described(tag).text)
        for tag in known
        if present is None or any(each == tag or each.startswith(f"{tag}/") for each in present)
    ]
    return events.markdown_rows(rows, header=("tag", "name", "meaning"))
