"""Batch normalisation over replicas, against TensorFlow's own over the whole batch and against NumPy.

Replicas are logical processors, and all of them read their share of one batch that is fed.
"""

import numpy as np
import pytest
import tensorflow as tf

from cluster import strategy
from cluster.topology import ALONE
from model_fn import network, normalisation
from settings import DistributionStrategy
from tests.common import make_settings

BATCH, STEPS, CLASSES = 8, 5, 3
# One block: an identity at first, of whose three normalisations the gradient takes all.
SMALL = network.Architecture((1,), (4,), bottleneck=False, large_image_stem=False)


def batches():
    """(images, labels) of each step. Examples differ much, so that the statistics of a share are not the batch's."""
    random = np.random.RandomState(0)
    levels = random.uniform(-2, 2, [STEPS, BATCH, 1, 1, 3])
    images = levels + random.uniform(0.2, 1, [STEPS, BATCH, 1, 1, 1]) * random.randn(STEPS, BATCH, 6, 6, 3)
    return list(zip(images.astype(np.float32), random.randint(0, CLASSES, [STEPS, BATCH]), strict=True))


def run(folder, replica, *, replicas, kind=DistributionStrategy.AUTO, steps=STEPS):
    """Runs `replica(images, labels)`, a loss and an update, on shares of each batch.

    Returns the sum of the losses by step, and what a checkpoint after the last step holds, by name.
    """
    settings = make_settings(model_dir=str(folder), cpu_replicas=replicas, distribution_strategy=kind)
    config = strategy.make_run_config(settings, ALONE)
    distributed = config.train_distribute or tf.distribute.get_strategy()
    with tf.Graph().as_default(), distributed.scope():
        tf.compat.v1.set_random_seed(1)
        images = tf.compat.v1.placeholder(tf.float32, [BATCH, 6, 6, 3])
        labels = tf.compat.v1.placeholder(tf.int32, [BATCH])

        def on_share():
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            share = slice(number * BATCH // replicas, (number + 1) * BATCH // replicas)
            return replica(images[share], labels[share])

        loss, update = distributed.extended.call_for_each_replica(on_share)
        fetches = distributed.experimental_local_results(loss), distributed.group(update)
        saver = tf.compat.v1.train.Saver()
        with tf.compat.v1.Session(config=config.session_config) as session:
            session.run(tf.compat.v1.global_variables_initializer())
            losses = [
                sum(session.run(fetches, {images: image_batch, labels: label_batch})[0])
                for image_batch, label_batch in batches()[:steps]
            ]
            path = saver.save(session, f"{folder}/model.ckpt")
    checkpoint = tf.train.load_checkpoint(path)
    return losses, {name: checkpoint.get_tensor(name) for name in checkpoint.get_variable_to_shape_map()}


def train(folder, *, replicas=1, over_replicas=False, kind=DistributionStrategy.AUTO):
    """As `run`, of a small network."""

    def replica(images, labels):
        net = network.build(images, SMALL, num_classes=CLASSES, training=True, sync_batch_norm=over_replicas)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=net.logits)
        loss = tf.reduce_sum(losses) / BATCH
        with tf.control_dependencies(tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.UPDATE_OPS)):
            return loss, tf.compat.v1.train.MomentumOptimizer(0.5, 0.9).minimize(loss)

    return run(folder, replica, replicas=replicas, kind=kind)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """One replica, whose batch is the whole: by TensorFlow's fused operation and its gradient."""
    return train(tmp_path_factory.mktemp("alone"))


@pytest.mark.parametrize(
    ("replicas", "kind"),
    [
        (2, DistributionStrategy.MIRRORED),
        (4, DistributionStrategy.MIRRORED),
        (2, DistributionStrategy.PARAMETER_SERVER),
    ],
)
def test_replicas_together_train_the_model_of_one(alone, tmp_path, replicas, kind):
    """Losses, weights, their momentum and the moving averages: the gradient is that of the global batch."""
    losses, values = train(tmp_path, replicas=replicas, over_replicas=True, kind=kind)
    np.testing.assert_allclose(losses, alone[0], rtol=1e-5)
    assert {name: value.shape for name, value in values.items()} == {k: v.shape for k, v in alone[1].items()}
    for name, value in values.items():
        np.testing.assert_allclose(value, alone[1][name], rtol=1e-4, atol=1e-5, err_msg=name)


def test_by_themselves_replicas_train_another_one(alone, tmp_path):
    """Else there would be nothing that the test above could see."""
    losses, values = train(tmp_path, replicas=2)
    assert max(abs(np.subtract(losses, alone[0]))) > 0.01
    assert values.keys() == alone[1].keys()


@pytest.mark.parametrize("kind", [DistributionStrategy.MIRRORED, DistributionStrategy.PARAMETER_SERVER])
@pytest.mark.parametrize("over_replicas", [False, True], ids=["by themselves", "together"])
def test_a_checkpoint_has_the_mean_of_what_replicas_found(tmp_path, kind, over_replicas):
    """Of their own shares, or of the batch; the variance is that of what was sampled."""

    def replica(images, labels):
        y, _ = normalisation.batch_norm(images, gamma=1.0, training=True, over_replicas=over_replicas, name="norm")
        updates = tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.UPDATE_OPS)
        return tf.reduce_sum(y), tf.group(*updates)

    _, values = run(tmp_path, replica, replicas=2, kind=kind, steps=1)
    images = batches()[0][0].astype(np.float64)
    shares = [images] if over_replicas else np.split(images, 2)
    mean = np.mean([share.mean(axis=(0, 1, 2)) for share in shares], axis=0)
    variance = np.mean([share.var(axis=(0, 1, 2), ddof=1) for share in shares], axis=0)
    kept = normalisation.MOMENTUM
    np.testing.assert_allclose(values["norm/moving_mean"], (1 - kept) * mean, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(values["norm/moving_variance"], kept + (1 - kept) * variance, rtol=1e-5)


@pytest.mark.parametrize(("over_replicas", "training"), [(False, True), (True, False), (True, True)])
def test_one_replica_has_the_fused_operation_and_nothing_else(over_replicas, training):
    """So it costs nothing to ask for statistics over replicas where there is one, or where a model is used."""
    with tf.Graph().as_default() as graph:
        images = tf.zeros([2, 6, 6, 3])
        network.build(images, SMALL, num_classes=CLASSES, training=training, sync_batch_norm=over_replicas)
        asked = [op.type for op in graph.get_operations()]
    with tf.Graph().as_default() as graph:
        images = tf.zeros([2, 6, 6, 3])
        network.build(images, SMALL, num_classes=CLASSES, training=training)
        assert asked == [op.type for op in graph.get_operations()]
    assert "FusedBatchNormV3" in asked
