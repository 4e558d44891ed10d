import itertools

import numpy as np
import pytest
import tensorflow as tf

from input_fn import order

EXAMPLES = 103  # Shares no factor with the batch size, so that batches span epochs.
BATCH = 8


def shuffled(steps, *, places=range(BATCH), seed=0, num_examples=EXAMPLES):
    """[steps, places] indices."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        step = tf.compat.v1.placeholder(tf.int64, [])
        indices = order.shuffled_indices(
            step, tf.constant(list(places), tf.int64), seed=seed, batch_size=BATCH, num_examples=num_examples
        )
        return np.array([session.run(indices, {step: s}) for s in steps])


def test_every_epoch_shows_every_example_once():
    positions = shuffled(range(4 * EXAMPLES // BATCH + 1)).ravel()
    for epoch in range(4):
        seen = positions[epoch * EXAMPLES : (epoch + 1) * EXAMPLES]
        assert sorted(seen) == list(range(EXAMPLES)), f"epoch {epoch} is no permutation"


def test_an_epoch_is_well_mixed_and_unlike_the_next():
    """In a fair shuffle neither the place of an example nor the epoch before tells its index: correlations near 0."""
    num_examples, epochs = 4096, 4
    orders = np.split(shuffled(range(epochs * num_examples // BATCH), num_examples=num_examples).ravel(), epochs)
    orders.append(shuffled(range(num_examples // BATCH), num_examples=num_examples, seed=1).ravel())
    correlations = np.corrcoef([np.arange(num_examples), *orders])
    np.fill_diagonal(correlations, 0)
    assert np.abs(correlations).max() < 4.5 / np.sqrt(num_examples)  # 4.5 sigma
    for one, other in itertools.combinations(orders, 2):
        assert (one == other).sum() < 10, "chance leaves about 1 example in its place"


@pytest.mark.parametrize("shards", [1, 2, 4])
def test_shards_share_the_global_batch(shards):
    whole = shuffled(range(20))
    size = BATCH // shards
    parts = [shuffled(range(20), places=range(i * size, (i + 1) * size)) for i in range(shards)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


def test_a_late_step_needs_no_earlier_one():
    np.testing.assert_array_equal(shuffled([1_000_003]), shuffled([1_000_002, 1_000_003])[1:])


@pytest.mark.parametrize(("num_examples", "steps"), [(16, 2), (17, 3), (7, 1)])
def test_evaluation_counts_each_example_once(num_examples, steps):
    assert order.evaluation_steps(batch_size=BATCH, num_examples=num_examples) == steps
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        batches = session.run(
            [
                order.sequential_indices(
                    tf.constant(step, tf.int64),
                    tf.range(BATCH, dtype=tf.int64),
                    batch_size=BATCH,
                    num_examples=num_examples,
                )
                for step in range(steps)
            ]
        )
    indices, weights = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    assert indices[weights > 0].tolist() == list(range(num_examples))
    assert indices.max() < num_examples
    np.testing.assert_allclose(weights.mean(), 1, rtol=1e-6)
