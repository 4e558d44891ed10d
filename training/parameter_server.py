"""A ps task of a cluster: it holds variables for the workers, and computes nothing else."""

from cluster import strategy
from cluster.membership import Ending, Membership
from cluster.topology import Task
from control.preemption import Preemption
from settings import Preempted

_SECONDS_BETWEEN_LOOKS = 1.0


def serve_to_the_end(task: Task, members: Membership, preemption: Preemption) -> None:
    """Returns once the chief has announced that the job is complete. A signal only has the chief asked to stop it.

    Raises:
      Preempted: the chief has announced that the job stops for now.
    """
    # Nobody could end a step without this task.
    preemption.deferred = True
    # Not its join: signals would wait for that, and it never ends.
    server = strategy.serve(task)
    print(f"Holding variables at {server.target.removeprefix('grpc://')}", flush=True)
    has_asked, announced = False, None
    while announced is None:
        announced = members.wait_for_announcement(_SECONDS_BETWEEN_LOOKS)
        if preemption.asked and not has_asked:
            has_asked = True
            members.ask_to_stop()
    if announced.ending is Ending.PREEMPTED:
        raise Preempted(f"stopped with the chief at step {announced.step}")
