"""RESULTS.md: all that has been measured, machine by machine."""

from collections.abc import Sequence

from benchmarks.results import Part, Record
from benchmarks.sections import section

FIGURE = "cost.png"


def page(records: Sequence[Record]) -> str:
    """The whole page in Markdown. Each part says when, from which commit and by which command it comes."""
    machines = list(dict.fromkeys(record.machine for record in records))
    parts = [_of_machine(machine, [each for each in records if each.machine == machine]) for machine in machines]
    return "\n\n".join(
        [
            "# Results",
            "Written by `python -m benchmarks.run`, not by hand; each part can be measured anew by itself. Medians of"
            " rounds in which the programs took turns, and ratios pair by pair: each round's number over that of the"
            " same round.",
            *parts,
        ]
    ) + ("\n")


def _of_machine(machine: str, records: Sequence[Record]) -> str:
    versions: dict[str, str] = {}
    for record in records:
        versions.update(record.versions)
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    sections = [f"## {machine}", f"{told}."]
    for part in Part:
        of_part = [record for record in records if record.part is part]
        if of_part:
            sections.append(section(part, of_part))
        if part is Part.IMAGE_SIZE and any(record.part in (Part.BATCH_SIZE, Part.IMAGE_SIZE) for record in records):
            sections.append(f"![Cost against batch size and image size]({FIGURE})")
    return "\n\n".join(sections)
