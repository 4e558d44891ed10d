"""A command line, each value of which is right by itself."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from absl import flags

import settings as s
from flags import flagfiles
from flags.messages import one_line
from flags.registry import FLAGS, Group, names


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
    FLAGS(argv[:1])
    for argument in flagfiles.expanded(argv[1:], taking_values=[n for n in FLAGS if not FLAGS[n].boolean]):
        _take(argument)
    if FLAGS.help:
        return None
    if not FLAGS.model_dir and FLAGS.mode is not s.Mode.SHOW_CLUSTER:
        raise s.UserError("--model_dir is missing; name a directory for the run, such as --model_dir=runs/first")
    if odd := re.search(r"[][*?\\]", FLAGS.model_dir or ""):
        raise s.UserError(
            f"--model_dir={FLAGS.model_dir}: TensorFlow takes {odd[0]} for a pattern and finds no checkpoint there;"
            " give a directory without []*?\\ in its name"
        )
    own = [name for group in Group for name in names(group) if name != "help"]
    return Command(
        tuple(argv),
        MappingProxyType({name: FLAGS[name].value for name in own}),
        frozenset(name for name in own if FLAGS[name].present),
    )


def _take(argument: flagfiles.Argument) -> None:
    """Gives one flag its value. One at a time, so that it is known which is wrong."""
    origin = f" ({argument.origin})" if argument.origin else ""
    try:
        rest = FLAGS(["main.py", argument.text])[1:]
    except (flags.Error, ValueError) as error:
        raise s.UserError(one_line(f"{error}{_way_out(error)}{origin}")) from error
    # absl takes these two without a word.
    if rest or re.fullmatch("--|--?undefok(=.*)?", argument.text, re.DOTALL):
        raise s.UserError(one_line(f"unexpected argument {argument.text!r}; flags are written --name=value{origin}"))


def _way_out(error: Exception) -> str:
    """What to do, where absl does not say it."""
    if isinstance(error, flags.UnrecognizedFlagError):
        return "" if "Did you mean" in str(error) else "; --help shows all flags"
    return "; leave out the = and what follows it" if str(error).endswith("does not take an argument") else ""


def help_text() -> str:
    """All flags by group, with help and default."""
    usage = "Usage: python main.py --model_dir=DIR [--flagfile=configs/NAME.flags] [--name=value ...]\n"
    groups = "\n".join(FLAGS.module_help(group.value) for group in Group)
    return (
        f"{usage}{groups}\n\nDurations are steps (12000), epochs (15e) or percent of the run (60%)."
        " A flagfile holds one flag a line: --flagfile=FILE. Later flags win over earlier ones."
    )
