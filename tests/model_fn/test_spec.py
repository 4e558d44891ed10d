import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import input_fn
import model_fn
from model_fn import network
from settings import Constant, SummaryLevel, WeightDecayOf
from summaries import collect, tags
from tests.common import make_augmentation, make_examples, make_learning_rate, make_model

CLASSES = tuple("abcdefghij")
PARAMS = model_fn.Params(
    make_model(), network.PLAIN, CLASSES, summary_interval=2, summaries=SummaryLevel.MINIMAL, deterministic=False
)
TRAIN, EVAL, PREDICT = tf.estimator.ModeKeys.TRAIN, tf.estimator.ModeKeys.EVAL, tf.estimator.ModeKeys.PREDICT


def call(mode, params=PARAMS):
    features = {"image": tf.random.stateless_uniform([4, 8, 8, 3], [1, 2], -1, 1)}
    index = tf.constant([0, 1, 2, 3], tf.int64)
    labels = {"label": tf.range(4), "weight": tf.ones([4]), "index": index} if mode != PREDICT else None
    return model_fn.model_fn(features, labels, mode, params)


def estimator(model_dir, params=PARAMS):
    config = tf.estimator.RunConfig(model_dir=str(model_dir), tf_random_seed=0, save_summary_steps=0)
    return tf.estimator.Estimator(model_fn.model_fn, config=config, params=params)


def training(examples, first_step=0):
    return input_fn.training_input_fn(
        examples, image_size=8, augmentation=make_augmentation(), batch_size=8, seed=0, first_step=lambda: first_step
    )


def test_train_spec_steps_counts_and_offers_its_scalars():
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        spec = call(TRAIN)
        scalars = collect.collected_scalars()
        assert set(scalars) == {
            tags.LOSS,
            tags.CROSS_ENTROPY,
            tags.WEIGHT_DECAY,
            tags.ACCURACY,
            tags.TOP_5_ACCURACY,
            tags.INPUT_WAIT,
            tags.LEARNING_RATE,
            tags.GRADIENT_NORM,
        }
        session.run(tf.compat.v1.global_variables_initializer())
        runs = [session.run([spec.loss, scalars, spec.train_op])[:2] for _ in range(5)]
        assert session.run(tf.compat.v1.train.get_global_step()) == 5
    losses = [loss for loss, _ in runs]
    assert losses[-1] < losses[0]
    # Rates of updates 0 to 4 with the boundary at 3, and loss as the mean over intervals of two steps.
    assert [s[tags.LEARNING_RATE] for _, s in runs] == [np.float32(r) for r in (0.1, 0.1, 0.1, 0.01, 0.01)]
    np.testing.assert_allclose(runs[3][1][tags.LOSS], np.mean(losses[2:4]), rtol=1e-6)


@pytest.mark.parametrize("mode", [TRAIN, EVAL])
@pytest.mark.parametrize("of", WeightDecayOf)
def test_weight_decay_is_of_what_it_is_said_to_be(mode, of):
    """Gammas of one and zero are decayed, if they are to be, and moving variances of one are not."""
    params = dataclasses.replace(PARAMS, model=make_model(weight_decay=0.5, weight_decay_of=of))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        spec = call(mode, params)
        names = ("kernel", "bias", "gamma", "beta") if of is WeightDecayOf.ALL_TRAINED else ("kernel",)
        variables = [v for v in tf.compat.v1.global_variables() if v.op.name.rpartition("/")[2] in names]
        loss = collect.collected_scalars()[tags.WEIGHT_DECAY] if mode == TRAIN else spec.eval_metric_ops
        session.run([tf.compat.v1.global_variables_initializer(), tf.compat.v1.local_variables_initializer()])
        expected = 0.25 * sum((value**2).sum() for value in session.run(variables))
        found = session.run(loss if mode == TRAIN else loss[tags.WEIGHT_DECAY][1])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_labels_are_smoothed_in_training_alone():
    found = {}
    for mode in (TRAIN, EVAL):
        for smoothing in (0.0, 0.5):
            params = dataclasses.replace(PARAMS, model=make_model(label_smoothing=smoothing, weight_decay=0.0))
            with tf.Graph().as_default(), tf.compat.v1.Session() as session:
                tf.compat.v1.set_random_seed(0)
                spec = call(mode, params)
                session.run(tf.compat.v1.global_variables_initializer())
                found[mode, smoothing] = session.run(spec.loss)
    assert abs(found[TRAIN, 0.5] - found[TRAIN, 0.0]) > 1e-3
    assert found[EVAL, 0.5] == pytest.approx(found[EVAL, 0.0], rel=1e-6)


def test_eval_spec_has_metrics_and_does_not_train():
    with tf.Graph().as_default():
        spec = call(EVAL)
        assert spec.train_op is None
        assert set(spec.eval_metric_ops) == {
            tags.ACCURACY,
            tags.TOP_5_ACCURACY,
            tags.CROSS_ENTROPY,
            tags.WEIGHT_DECAY,
        }
        assert not tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.UPDATE_OPS)


def test_predict_spec_gives_probabilities_index_and_name():
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        spec = call(PREDICT)
        session.run(tf.compat.v1.global_variables_initializer())
        found = session.run(spec.predictions)
    np.testing.assert_allclose(found["probabilities"].sum(axis=1), 1, rtol=1e-5)
    assert found["class_index"].tolist() == found["probabilities"].argmax(axis=1).tolist()
    assert [name.decode() for name in found["class_name"]] == [CLASSES[i] for i in found["class_index"]]


def test_evaluation_is_exact_at_any_batch_size(tmp_path):
    """Loss and accuracy of 49 examples: the same in one batch and in batches that leave a rest."""
    examples = make_examples(49)
    trained = estimator(tmp_path)
    trained.train(training(examples), max_steps=2)
    found = [
        trained.evaluate(input_fn.evaluation_input_fn(examples, image_size=8, crop=1.0, batch_size=size))
        for size in (49, 8, 5)
    ]
    for metrics in found[1:]:
        assert metrics[tags.ACCURACY] == pytest.approx(found[0][tags.ACCURACY], rel=1e-6)
        assert metrics[tags.LOSS] == pytest.approx(found[0][tags.LOSS], rel=1e-5)


class Recorder(tf.compat.v1.train.SessionRunHook):
    """Keeps the example indices of every step, as they reached the training graph."""

    def __init__(self):
        self.indices = []

    def begin(self):
        (get_next,) = (op for op in tf.compat.v1.get_default_graph().get_operations() if op.type == "IteratorGetNext")
        self._index = next(t for t in get_next.outputs if t.dtype == tf.int64)

    def before_run(self, run_context):
        return tf.compat.v1.train.SessionRunArgs(self._index)

    def after_run(self, run_context, run_values):
        self.indices.append(run_values.results.tolist())


def test_a_stopped_and_resumed_run_sees_the_same_examples(tmp_path):
    import training as program

    examples = make_examples(50)
    whole, first, rest = Recorder(), Recorder(), Recorder()
    estimator(tmp_path / "whole").train(training(examples), hooks=[whole], max_steps=9)
    folder = tmp_path / "resumed"
    estimator(folder).train(training(examples), hooks=[first], max_steps=4)
    assert program.newest_step(str(folder)) == 4
    estimator(folder).train(training(examples, program.newest_step(str(folder))), hooks=[rest], max_steps=9)
    assert first.indices + rest.indices == whole.indices


def test_a_model_is_the_same_from_the_same_seed(tmp_path):
    examples = make_examples(20)
    params = dataclasses.replace(PARAMS, model=make_model(learning_rate=make_learning_rate(Constant(0.1))))
    kernels = []
    for name in ("one", "two"):
        trained = estimator(tmp_path / name, params)
        trained.train(training(examples), max_steps=1)
        kernels.append(trained.get_variable_value("network/stem/conv/kernel"))
    np.testing.assert_allclose(kernels[0], kernels[1], atol=1e-6)
