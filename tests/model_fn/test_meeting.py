"""Workers that meet on ps tasks: servers, sessions and threads of this process, a graph a worker."""

import concurrent.futures

import numpy as np
import pytest
import tensorflow as tf

from model_fn import accumulation, network, objective, optimizer, replicas
from tests.processes import free_ports

WORKERS, PS = 3, 2
STEPS = 5


@pytest.fixture(scope="module")
def started():
    """The targets of sessions by task, ps tasks last."""
    addresses = [f"localhost:{port}" for port in free_ports(WORKERS + PS)]
    cluster = tf.train.ClusterSpec({"chief": addresses[:1], "worker": addresses[1:WORKERS], "ps": addresses[WORKERS:]})
    tasks = [(job, index) for job in ("chief", "worker", "ps") for index in range(cluster.num_tasks(job))]
    config = tf.compat.v1.ConfigProto(device_count={"GPU": 0})
    started = [tf.distribute.Server(cluster, job_name=job, task_index=index, config=config) for job, index in tasks]
    return [server.target for server in started]


@pytest.fixture
def servers(started):
    """The targets of sessions by worker; no other test's queues are left on the ps tasks."""
    for target in started[WORKERS:]:
        tf.compat.v1.Session.reset(target)
    return started[:WORKERS]


class Config:
    """What a worker's RunConfig says of its cluster."""

    num_ps_replicas = PS
    num_worker_replicas = WORKERS

    def __init__(self, index):
        self.global_id_in_cluster = index
        self.device = "/job:chief" if index == 0 else f"/job:worker/task:{index - 1}"


def together(servers, worker):
    """What `worker(index, session_of_its_target)` returns for each, run at the same time in a graph of its own."""

    def run(index):
        config = Config(index)
        setter = tf.compat.v1.train.replica_device_setter(PS, worker_device=config.device)
        with tf.Graph().as_default() as graph, graph.device(setter):
            replicas.meet(config)
            options = tf.compat.v1.ConfigProto(
                device_filters=["/job:ps", config.device], operation_timeout_in_ms=120_000
            )
            return worker(index, lambda: tf.compat.v1.Session(servers[index], config=options))

    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(run, range(WORKERS)))


def here():
    found = replicas.meeting()
    assert found
    return found


def test_totals_are_of_the_same_step_everywhere_and_gradients_pass_them(servers):
    def worker(index, session_of):
        x = tf.compat.v1.placeholder(tf.float32, [2])
        total = replicas.total(x)
        squared = replicas.differentiable_total(x) ** 2
        # As the optimizer takes them: tf.gradients would have the queues stand with the worker.
        (gradient,) = tf.compat.v1.gradients((index + 1) * squared, x)
        end = here().end_of_step(tf.no_op())
        with session_of() as session:
            return [session.run([total, gradient, end], {x: [step, 10 * index + step]})[:2] for step in range(STEPS)]

    found = together(servers, worker)
    for step in range(STEPS):
        total = np.array([3 * step, 30 + 3 * step])
        for of_worker in found:
            np.testing.assert_allclose(of_worker[step][0], total)
            np.testing.assert_allclose(of_worker[step][1], (1 + 2 + 3) * 2 * total)


def test_slices_of_all_workers_are_updated_by_once(servers):
    """Each slice's loss is of its sum over the workers, so that they meet in each, on its way forth and back."""

    def worker(index, session_of):
        weight = tf.compat.v1.get_variable("weight", initializer=tf.constant(1.0))
        step = tf.compat.v1.train.get_or_create_global_step()

        def forward(images, labels):
            total = replicas.differentiable_total(weight * tf.reduce_sum(images))
            loss = (index + 1) * total
            net = network.Network(total, [], total, stages={}, layers=[])
            return accumulation.Outcome(net, objective.Loss(loss, loss, tf.constant(0.0)), {})

        images = tf.constant([[1.0, 10.0], [100.0, 1000.0]]) * (index + 1)
        _, gradients = accumulation.forward_and_backward(forward, images, {}, slices=2)
        update = optimizer.update(gradients, optimizer.Momentum(tf.constant(0.5), momentum=0.0), step)
        end = here().end_of_step(update)
        with session_of() as session:
            if index == 0:
                session.run(tf.compat.v1.global_variables_initializer())
            while session.run(tf.compat.v1.report_uninitialized_variables()).size:
                pass
            session.run(end)
            return session.run([weight, step])

    # The mean over three workers and two slices of (index + 1) * (1 + 2 + 3) * weight * (11 or 1100).
    gradient = (1 + 2 + 3) / 3 * 6 * (11 + 1100) / 2
    for weight, step in together(servers, worker):
        assert (weight, step) == (pytest.approx(1 - 0.5 * gradient), 1)


def test_who_reads_between_steps_reads_the_same_and_the_first_waits_for_the_last_in_the_end(servers):
    """The update is that of the mean of all losses, each worker's being its number times the weight."""
    ended = []

    def worker(index, session_of):
        weight = tf.compat.v1.get_variable("weight", initializer=tf.constant(0.0))
        other = tf.compat.v1.get_variable("other", initializer=tf.constant([0.0, 0.0]))
        step = tf.compat.v1.train.get_or_create_global_step()
        loss = (index + 1.0) * weight + tf.reduce_sum(other)
        momentum = optimizer.Momentum(tf.constant(0.5), momentum=0.0)
        meeting = here()
        train_op = meeting.end_of_step(optimizer.update(optimizer.gradients(loss), momentum, step))
        farewell, scaffold = meeting.farewell(), meeting.scaffold().finalize()
        with session_of() as session:
            if index == 0:
                session.run(scaffold.init_op)
                session.run(scaffold.local_init_op)
            else:
                assert not session.run(scaffold.ready_for_local_init_op).size
                assert not session.run(scaffold.ready_op).size
            read = []
            for _ in range(STEPS):
                session.run(train_op)
                read.append(session.run([weight, other, step]))
            if index > 0:
                ended.append(index)
            session.run(farewell)
            if index == 0:
                ended.append(index)
            return read

    for read in together(servers, worker):
        for number, (weight, other, step) in enumerate(read, start=1):
            assert (weight, step) == (pytest.approx(-0.5 * 2 * number), number)
            np.testing.assert_allclose(other, [-0.5 * number] * 2)
    assert sorted(ended) == [0, 1, 2]
    assert ended[-1] == 0
