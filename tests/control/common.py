"""A state in which nothing is in force beside the schedule, and a queue of requests in a test's own folder."""

from control import requests
from control.state import Action, Request, State

NEUTRAL = State(rate=None, factor=1.0, plateau=1.0)
SESSION = "2025-01-02T03:04:05+00:00"
NOW = 1_750_000_000.0
HALF = Request(Action.SCALE, 0.5)


def folder_of(model_dir):
    folder = model_dir / requests.FOLDER
    folder.mkdir(exist_ok=True)
    return folder


def names(model_dir):
    return sorted(path.name for path in folder_of(model_dir).iterdir())


def put(model_dir, request=HALF, *, session=SESSION, who="ada@host", **options):
    return requests.put(str(model_dir), request, session=session, who=who, **options)


def take(model_dir, *, now=NOW):
    return requests.take(str(model_dir), session=SESSION, now=now)


def refused(model_dir):
    (taken,) = take(model_dir)
    assert taken.request is None
    return taken


def fail(error):
    def raises(*arguments, **options):
        raise error

    return raises
