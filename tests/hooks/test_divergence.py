import tensorflow as tf

from hooks.divergence import last_good_checkpoint


def save(folder, values_by_step):
    """Checkpoints of a weight that is `values_by_step[step]` at each step, beside a counter that is always finite."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        weight = tf.compat.v1.get_variable("weight", initializer=tf.zeros([2]))
        counter = tf.compat.v1.get_variable("counter", initializer=tf.constant(3, tf.int64))
        saver = tf.compat.v1.train.Saver([weight, counter])
        session.run([weight.initializer, counter.initializer])
        for step, value in values_by_step.items():
            weight.load([1.0, value], session)
            saver.save(session, str(folder / "model.ckpt"), global_step=step)


def test_the_newest_checkpoint_is_good_where_all_is_finite(tmp_path):
    save(tmp_path, {1: 1.0, 2: 2.0})
    assert last_good_checkpoint(str(tmp_path)) == str(tmp_path / "model.ckpt-2")


def test_checkpoints_of_a_diverged_model_are_passed_over(tmp_path):
    """An update made the weight infinite while the loss of its step was still a number."""
    save(tmp_path, {1: 1.0, 2: 2.0, 3: float("inf"), 4: float("nan")})
    assert last_good_checkpoint(str(tmp_path)) == str(tmp_path / "model.ckpt-2")


def test_there_may_be_no_good_checkpoint(tmp_path):
    assert last_good_checkpoint(str(tmp_path)) is None
    save(tmp_path, {1: float("nan")})
    assert last_good_checkpoint(str(tmp_path)) is None
