"""A command line, each value of which is right by itself."""

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from absl import flags

import settings as s
from flags.table import FLAGS, GROUPS


@dataclasses.dataclass(frozen=True)
class Command:
    """What was asked: `values` of all flags by name, the names of those `given`, and the `argv` they came from."""

    argv: tuple[str, ...]
    values: Mapping[str, Any]
    given: frozenset[str]

    @property
    def mode(self) -> s.Mode:
        return self.values["mode"]

    @property
    def model_dir(self) -> str:
        return self.values["model_dir"]

    @property
    def verbosity(self) -> s.Verbosity:
        return self.values["verbosity"]


def parse(argv: Sequence[str]) -> Command | None:
    """Reads a command line, the program's name first. None: help was asked for.

    Raises:
      UserError: an unknown flag, a value wrong by itself, a flagfile that cannot be read, no --model_dir.
    """
    FLAGS.unparse_flags()
    for name in FLAGS:
        FLAGS[name].unparse()
    try:
        rest = FLAGS(list(argv))[1:]
    except (flags.Error, UnicodeDecodeError) as error:
        raise s.UserError(" ".join(str(error).removeprefix("ERROR:: ").split())) from error
    if FLAGS.help:
        return None
    if rest:
        raise s.UserError(f"unexpected argument {rest[0]!r}; flags are written --name=value")
    if not FLAGS.model_dir:
        raise s.UserError("--model_dir is missing; name a directory for the run, such as --model_dir=runs/first")
    own = [flag.name for group in GROUPS for flag in FLAGS.flags_by_module_dict()[group] if flag.name != "help"]
    return Command(
        tuple(argv),
        MappingProxyType({name: FLAGS[name].value for name in own}),
        frozenset(name for name in own if FLAGS[name].present),
    )


def help_text() -> str:
    """All flags by group, with help and default."""
    usage = "Usage: python main.py --model_dir=DIR [--flagfile=configs/NAME.flags] [--name=value ...]\n"
    groups = "\n".join(FLAGS.module_help(group) for group in GROUPS)
    return (
        f"{usage}{groups}\n\nDurations are steps (12000), epochs (15e) or percent of the run (60%)."
        " A flagfile holds one flag a line: --flagfile=FILE. Later flags win over earlier ones."
    )
