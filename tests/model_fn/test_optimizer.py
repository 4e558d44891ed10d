import numpy as np
import pytest
import tensorflow as tf

from model_fn.optimizer import Momentum, gradient_norm, gradients, update


@pytest.mark.parametrize("nesterov", [False, True])
def test_updates_follow_the_momentum_formula(nesterov):
    target = np.array([1.0, -2.0])
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        variable = tf.compat.v1.get_variable("v", initializer=tf.zeros([2]))
        step = tf.compat.v1.train.create_global_step()
        optimizer = Momentum(tf.constant(0.1), momentum=0.9, nesterov=nesterov)
        train = update(gradients(tf.reduce_sum((variable - target) ** 2)), optimizer, step)
        norm = gradient_norm(list(optimizer.applied().values()))
        ratio = optimizer.update_ratio(list(optimizer.applied().values()))
        session.run(tf.compat.v1.global_variables_initializer())
        found = [session.run([norm, ratio, train])[:2] for _ in range(5)]
        found_variable, found_step = session.run([variable, step])
    value, accumulator, norms, ratios = np.zeros(2), np.zeros(2), [], []
    for _ in range(5):
        gradient = 2 * (value - target)
        norms.append(np.linalg.norm(gradient))
        accumulator = 0.9 * accumulator + gradient
        direction = gradient + 0.9 * accumulator if nesterov else accumulator
        value = value - 0.1 * direction
        ratios.append(np.linalg.norm(0.1 * direction) / np.linalg.norm(value))
    np.testing.assert_allclose(found_variable, value, rtol=1e-5)
    np.testing.assert_allclose(found, np.transpose([norms, ratios]), rtol=1e-5)
    assert found_step == 5


def test_update_ops_run_with_the_update():
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        average = tf.Variable(0.0, trainable=False)
        tf.compat.v1.add_to_collection(tf.compat.v1.GraphKeys.UPDATE_OPS, average.assign_add(1.0).op)
        variable = tf.Variable(1.0)
        optimizer = Momentum(tf.constant(0.1), momentum=0.0)
        train = update(gradients(variable**2), optimizer, tf.compat.v1.train.create_global_step())
        session.run(tf.compat.v1.global_variables_initializer())
        session.run(train)
        assert session.run(average) == 1
