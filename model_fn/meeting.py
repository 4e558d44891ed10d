"""How workers train in step on variables that the ps tasks of a cluster hold.

Each worker has a graph and a session of its own. They meet in queues on the ps tasks: there is one for each thing that
is told in a step, each worker and each direction, and it holds a single message. All of them tell the same things in a
step, so that each message is taken before its successor comes, and who is ahead waits.

The first worker, the chief, sums what all of them send, always in the same order. It alone changes variables, and no
worker's step ends before that is done: between two steps every worker reads the same.
"""

import dataclasses

import tensorflow as tf

_FIRST_PS = "/job:ps/task:0"


@dataclasses.dataclass
class Meeting:
    """One worker's side, in one graph: worker `index` of `workers`, who meet on so many ps tasks.

    There may be only one. Every worker must call the same methods in the same order.
    """

    workers: int
    index: int
    ps_tasks: int

    def __post_init__(self) -> None:
        self._rounds = 0
        self._of_step: list[tf.Operation] = []

    @property
    def is_first(self) -> bool:
        """Whether this worker sums and changes variables."""
        return self.index == 0

    def total(self, x: tf.Tensor) -> tf.Tensor:
        """The sum of every worker's `x`, the same on all of them."""
        name, device = f"total_{self._rounds}", f"/job:ps/task:{self._rounds % self.ps_tasks}"
        self._rounds += 1
        found = self._gathered(x, name, device)
        with tf.device(device):
            if self.is_first:
                after = [self._queue(f"{name}/to", other, x).enqueue(found) for other in self._others()]
            else:
                with tf.control_dependencies([found]):
                    found, after = self._queue(f"{name}/to", self.index, x).dequeue(), []
        with tf.control_dependencies(after):
            found = tf.identity(found)
        self._of_step.append(found.op)
        return found

    def gathered(self, x: tf.Tensor, *, device: str) -> tf.Tensor | tf.Operation:
        """For the first worker the sum of every worker's `x`, on a ps task's `device`. The others must run it."""
        self._rounds += 1
        return self._gathered(x, f"gathered_{self._rounds - 1}", device)

    def end_of_step(self, update: tf.Operation) -> tf.Operation:
        """Done once the first worker's `update` is, and whatever was told in the step has been taken."""
        done = [self._token("done", worker) for worker in range(self.workers)]
        with tf.control_dependencies([update, *self._of_step]):
            return self._tell_others(done)

    def scaffold(self) -> tf.compat.v1.train.Scaffold:
        """Has the others wait until the first worker has given variables their values, and not a moment longer.

        By themselves they would look every half a minute.
        """
        begun = [self._token("begun", worker) for worker in range(self.workers)]
        if self.is_first:
            local_init_op = tf.compat.v1.train.Scaffold.default_local_init_op()
            with tf.control_dependencies([local_init_op]):
                return tf.compat.v1.train.Scaffold(local_init_op=self._tell_others(begun))
        with tf.control_dependencies([self._tell_others(begun)]):
            nothing_is_missing = tf.identity(tf.constant([], tf.string))
        return tf.compat.v1.train.Scaffold(ready_for_local_init_op=nothing_is_missing)

    def farewell(self) -> tf.Operation:
        """To be run when training has ended: the first worker's is done once every other's is."""
        left = [self._token("left", worker) for worker in range(self.workers)]
        with tf.device(_FIRST_PS):
            if not self.is_first:
                return left[self.index].enqueue(True)
            return tf.group(*(left[other].dequeue() for other in self._others()))

    def _gathered(self, x: tf.Tensor, name: str, device: str) -> tf.Tensor | tf.Operation:
        with tf.device(device):
            if not self.is_first:
                return self._queue(f"{name}/from", self.index, x).enqueue(x)
            return tf.add_n([x, *(self._queue(f"{name}/from", other, x).dequeue() for other in self._others())])

    def _tell_others(self, tokens: list[tf.queue.FIFOQueue]) -> tf.Operation:
        """A token from the first worker to each of the others, who wait for theirs."""
        with tf.device(_FIRST_PS):
            if self.is_first:
                return tf.group(*(tokens[other].enqueue(True) for other in self._others()))
            return tokens[self.index].dequeue().op

    def _token(self, name: str, worker: int) -> tf.queue.FIFOQueue:
        with tf.device(_FIRST_PS):
            return self._queue(name, worker, tf.constant(True))

    def _queue(self, name: str, worker: int, x: tf.Tensor) -> tf.queue.FIFOQueue:
        """One for what is like `x`, on the current device. Whoever gives the same name gets the same queue."""
        shared_name = f"meeting/{name}/{worker}"
        return tf.queue.FIFOQueue(1, x.dtype, [x.shape], shared_name=shared_name, name=shared_name.replace("/", "_"))

    def _others(self) -> range:
        return range(1, self.workers)
