import numpy as np
import tensorflow as tf

from model_fn.interval import interval_means

VALUES = [3.0, 5.0, 1.0, 8.0, 2.0, 6.0, 4.0]


def run_steps(session, feed, means, update, steps):
    return [session.run([means, update], feed(s))[0][0] for s in steps]


def build(interval):
    value, step = tf.compat.v1.placeholder(tf.float32, []), tf.compat.v1.placeholder(tf.int64, [])
    means, update = interval_means(tf.stack([1.0, value]), step=step, interval=interval)
    return (lambda s: {value: VALUES[s], step: s}), means, update


def test_means_restart_with_every_interval():
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        feed, means, update = build(interval=3)
        session.run(tf.compat.v1.global_variables_initializer())
        found = run_steps(session, feed, means, update, range(7))
    expected = [np.mean(VALUES[s // 3 * 3 : s + 1]) for s in range(7)]
    np.testing.assert_allclose(found, expected)


def test_a_checkpoint_keeps_a_begun_interval(tmp_path):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        feed, means, update = build(interval=4)
        session.run(tf.compat.v1.global_variables_initializer())
        run_steps(session, feed, means, update, range(2))
        path = tf.compat.v1.train.Saver().save(session, str(tmp_path / "model.ckpt"))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        feed, means, update = build(interval=4)
        tf.compat.v1.train.Saver().restore(session, path)
        assert run_steps(session, feed, means, update, [2, 3])[-1] == np.mean(VALUES[:4])


def test_replicas_count_as_one_step():
    """Two replicas with losses 3 and 5 in the first step, 1 and 8 in the second: the mean of four."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        totals, step = tf.compat.v1.placeholder(tf.float32, [2]), tf.compat.v1.placeholder(tf.int64, [])
        means, update = interval_means(totals, step=step, interval=2)
        session.run(tf.compat.v1.global_variables_initializer())
        found = [session.run([means, update], {totals: [2, t], step: s})[0][0] for s, t in enumerate([8, 9])]
    assert found == [4, 4.25]
