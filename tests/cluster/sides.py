"""The two sides of a job without sockets, each with a clock of its own, and what they ask for."""

import dataclasses

from cluster.membership.follower import Follower
from cluster.membership.messages import (
    Announcement,
    Beat,
    Ending,
    Go,
    Hello,
    Ready,
)
from cluster.membership.party import TIMES
from cluster.membership.roster import Roster
from tests.cluster.jobs import make_limits, make_tasks

RUN = {"batch_size": 64, "deterministic": True, "boundaries": [100, 200], "seed": 1}
LIMITS = make_limits(startup_timeout=600, peer_timeout=30, stall_timeout=600)
PREEMPTED = Announcement(Ending.PREEMPTED, 7)
COMPLETE = Announcement(Ending.COMPLETE, 7)
LINK = 1


class Side:
    """A side and the time there. What it asks for is collected."""

    def __init__(self, party):
        self.party = party
        self.now = 0.0
        self.sent = []
        self.closed = []
        self.told = []

    def collect(self):
        party = self.party
        for found, kept in ((party.outbox, self.sent), (party.closing, self.closed), (party.lines, self.told)):
            kept.extend(found)
            found.clear()

    def tick(self, seconds=0.0, *, stepped=False, paused_for=None):
        self.now += seconds
        self.party.tick(self.now, stepped=stepped, paused_for=paused_for)
        self.collect()

    def receive(self, message, link=LINK):
        self.party.received(link, message, self.now)
        self.collect()

    def close(self, link=LINK):
        self.party.closed(link)
        self.tick()

    def pass_time(self, seconds, *, heard=(), stepped=False, paused_for=None):
        """Second by second, in which beats come over the links `heard`."""
        for _ in range(seconds):
            for link in heard:
                self.receive(Beat(), link)
            self.tick(1.0, stepped=stepped, paused_for=paused_for)

    def sent_to(self, link, kind):
        return [message for to, message in self.sent if to == link and isinstance(message, kind)]


class Chief(Side):
    """Links are numbered by the order of tasks."""

    def __init__(self, *, run=None, **kinds):
        self.tasks = make_tasks(**kinds)
        super().__init__(Roster(self.tasks["chief"], LIMITS, run=run or RUN, token="token", times=TIMES))
        self.links = {name: link for link, name in enumerate(self.tasks) if link}

    def call(self, link):
        self.party.opened(link, self.now)

    def hello(self, name, *, link=None, **changes):
        link = link or self.links[name]
        task = self.tasks[name]
        hello = Hello(task.role, task.index, host="b", pid=link, num_tasks=len(task.tasks), run=RUN)
        self.call(link)
        self.receive(dataclasses.replace(hello, **changes), link)

    def begin(self):
        self.party.be_ready(self.now)
        for name, link in self.links.items():
            self.hello(name)
            self.receive(Ready(), link)
        assert self.party.begun
        return self

    def beats(self, *, without=()):
        return [link for name, link in self.links.items() if name not in without]


def end_of(side):
    assert side.party.end, "it goes on"
    return side.party.end.status, side.party.end.line


class Other(Side):
    def __init__(self, name="worker 0", *, begun=True):
        task = make_tasks(workers=2, ps=1, evaluator=True)[name]
        super().__init__(Follower(task, LIMITS, link=LINK, times=TIMES))
        if begun:
            self.party.saw_token()
            self.receive(Go())
            assert self.party.begun
