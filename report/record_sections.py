"""What a page says of a run by its record, as HTML: its flags, and what it ran on at each start."""

from collections.abc import Mapping, Sequence
from typing import Any

from report.markup import Element, element, paragraph, table
from report.record import Record
from report.text import flag_cell

# Of a start: what has a place of its own on the page, and what only says on which machine it was.
_NOT_FACTS = {"flags", "versions", "host", "pid"}


def flags_section(record: Record) -> list[Element]:
    """Every flag of the newest start, the hyper-parameters apart from the others."""
    if not record.flags:
        return [paragraph("There is no record of the run's flags.")]
    # A run keeps the hyper-parameters of its first start.
    others = {name: value for name, value in record.flags.items() if name not in record.hyper_parameters}
    tables = [
        _values(record.hyper_parameters, "Hyper-parameters: what the run is"),
        _values(others, "Other flags: how it is run"),
    ]
    return [element("div", *tables, class_="sides")]


def _values(flags: Mapping[str, Any], caption: str) -> Element:
    rows = [(f"--{name}", flag_cell(value)) for name, value in flags.items()]
    return table([("flag", "value"), *rows], left=2, caption=caption, class_="values")


def environment_section(record: Record) -> list[Element]:
    """The versions of the newest start, and when and with what code each start was."""
    if not record.sessions:
        return [paragraph("There is no record of the run's starts.")]
    versions = record.sessions[-1].get("versions", {})
    packages = table([("package", "version"), *versions.items()], left=2) if versions else paragraph()
    starts = _starts(record.sessions)
    return [packages, table(starts, left=len(starts[0]), caption="Starts of the run, oldest first", class_="starts")]


def _starts(sessions: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    facts = [name for name in sessions[-1] if name not in _NOT_FACTS]
    rows = [[*(name.replace("_", " ") for name in facts), "what is not as at the start before"]]
    for previous, session in zip([None, *sessions[:-1]], sessions, strict=True):
        rows.append([*(flag_cell(session.get(name)) for name in facts), _differences(previous, session)])
    return rows


def _differences(previous: Mapping[str, Any] | None, session: Mapping[str, Any]) -> str:
    if previous is None:
        return ""
    parts = []
    for kind, mark in (("flags", "--"), ("versions", "")):
        old, new = previous.get(kind, {}), session.get(kind, {})
        names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        parts += [f"{mark}{name} {flag_cell(old.get(name))} \u2192 {flag_cell(new.get(name))}" for name in names]
    return "; ".join(parts) or "nothing"
