"""The tasks of a cluster job know of each other: they start together, notice a loss, and end together.

The chief listens until all have come. `joining` is the public face; `watcher` the thread behind it, `wires` its
connections, `messages` what is said on them. What it all means is decided without a socket or a clock: by `roster` in
the chief, with `entries` and `admission`, and by `follower` in the others.
"""

from cluster.membership.joining import Announcement, Ending, Membership, joined

__all__ = ["Announcement", "Ending", "Membership", "joined"]
