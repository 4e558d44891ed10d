import numpy as np
import pytest
import tensorflow as tf

from input_fn import mixup

DRAWN = 20_000


def shares(alpha, *, step=3, seed=5, places=None):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        numbers = tf.range(DRAWN, dtype=tf.int64) if places is None else tf.constant(places, tf.int64)
        step_tensor = tf.constant(step, tf.int64)
        return session.run(mixup.shares(step_tensor, numbers, alpha=alpha, seed=seed, batch_size=DRAWN))


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_are_the_larger_ones_of_beta_distributed_pairs(alpha):
    """By quantiles, against NumPy's own Beta distribution."""
    x = np.random.RandomState(0).beta(alpha, alpha, DRAWN)
    quantiles = np.linspace(0.05, 0.95, 19)
    found, expected = (np.quantile(values, quantiles) for values in (shares(alpha), np.maximum(x, 1 - x)))
    np.testing.assert_allclose(found, expected, atol=0.01)


@pytest.mark.parametrize("alpha", [1e-6, 1e6])
def test_any_alpha_gives_shares(alpha):
    found = shares(alpha)
    assert np.isfinite(found).all() and found.min() >= 0.5 and found.max() <= 1


def test_shares_depend_on_seed_step_and_place_alone():
    whole = shares(0.4)
    np.testing.assert_array_equal(shares(0.4, places=[7, 2]), whole[[7, 2]])
    for other in (shares(0.4, step=4), shares(0.4, seed=6)):
        assert (other != whole).mean() > 0.99


def test_the_last_place_of_a_batch_is_mixed_with_the_first():
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        places = [mixup.with_next(tf.constant(own, tf.int64), batch_size=8) for own in ([2, 3], [6, 7])]
        assert [each.tolist() for each in session.run(places)] == [[2, 3, 4], [6, 7, 0]]
