"""How a command ends before its time, and what it then returns to who started it."""

import enum


class ExitStatus(enum.IntEnum):
    """What main.py returns. A scheduler starts a job again on PREEMPTED and PEER_LOST, and on no other."""

    COMPLETE = 0
    FAILED = 1  # Python's own, of an error that nobody foresaw.
    USAGE = 2
    PREEMPTED = 75  # sysexits' EX_TEMPFAIL: try again.
    PEER_LOST = 76  # sysexits' EX_PROTOCOL: the other side failed.
    INTERRUPTED = 130  # A shell's status of what SIGINT has ended.


class UserError(Exception):
    """Something only the user can put right. The message is one line: what was wrong, what was given, what to do."""


class Preempted(BaseException):
    """Somebody told this process to stop. What it had done is kept, and a run goes on from there.

    Not an Exception: no handler of failures is meant to catch it, as with KeyboardInterrupt.
    """


class PeerLost(BaseException):
    """Another task of the job is gone, or does not come. The message is one line. The job is to be started again.

    Not an Exception, for the reason that Preempted is none.
    """
