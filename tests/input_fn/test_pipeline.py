import numpy as np
import pytest
import tensorflow as tf

import input_fn
from settings import AugmentOn
from tests.common import make_augmentation, make_examples

EXAMPLES, BATCH = 50, 8


def training(examples, *, first_step=0, batch_size=BATCH, image_size=8, augment_on=AugmentOn.HOST, **augmentation):
    return input_fn.training_input_fn(
        examples,
        image_size=image_size,
        augment_on=augment_on,
        augmentation=make_augmentation(**augmentation),
        batch_size=batch_size,
        seed=0,
        first_step=lambda: first_step,
    )


def take(make_input_fn, elements, *, context=None):
    """The first elements of an input_fn's data set, read in a graph of their own."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        following = tf.compat.v1.data.make_one_shot_iterator(make_input_fn(context)).get_next()
        taken = []
        for _ in range(elements):
            try:
                taken.append(session.run(following))
            except tf.errors.OutOfRangeError:
                break
        return taken


def context(*, pipelines, pipeline, replicas):
    return tf.distribute.InputContext(
        num_input_pipelines=pipelines, input_pipeline_id=pipeline, num_replicas_in_sync=replicas
    )


def test_an_element_is_what_the_model_expects():
    features, labels = take(training(make_examples(EXAMPLES)), 1)[0]
    assert features["image"].shape == (BATCH, 8, 8, 3)
    assert features["image"].dtype == np.float32
    assert {key: (value.dtype.name, value.shape) for key, value in labels.items()} == {
        "label": ("int32", (BATCH,)),
        "weight": ("float32", (BATCH,)),
        "index": ("int64", (BATCH,)),
    }


def test_labels_and_pixels_belong_to_the_index():
    examples = make_examples(EXAMPLES)
    for features, labels in take(input_fn.evaluation_input_fn(examples, image_size=8, crop=1.0, batch_size=BATCH), 99):
        np.testing.assert_array_equal(labels["label"], examples.labels[labels["index"]])
        np.testing.assert_allclose(features["image"], examples.images[labels["index"]] / 127.5 - 1, atol=1e-6)


def test_a_resume_goes_on_where_the_run_stopped():
    examples = make_examples(EXAMPLES)
    whole, rest = take(training(examples), 12), take(training(examples, first_step=7), 5)
    for (features, labels), (resumed_features, resumed_labels) in zip(whole[7:], rest, strict=True):
        np.testing.assert_array_equal(resumed_labels["index"], labels["index"])
        np.testing.assert_array_equal(resumed_features["image"], features["image"])


def test_the_first_step_is_asked_for_at_each_start():
    steps = iter([3, 5])
    make = input_fn.training_input_fn(
        make_examples(EXAMPLES),
        image_size=8,
        augmentation=make_augmentation(),
        batch_size=BATCH,
        seed=0,
        first_step=lambda: next(steps),
    )
    whole = take(training(make_examples(EXAMPLES)), 6)
    assert [take(make, 1)[0][1]["index"].tolist() for _ in range(2)] == [whole[s][1]["index"].tolist() for s in (3, 5)]


@pytest.mark.parametrize("augmentation", [{}, {"color_jitter": 0.2, "cutout": 0.25, "mixup": 0.4}], ids=["none", "all"])
@pytest.mark.parametrize(("pipelines", "replicas"), [(1, 1), (1, 2), (2, 2), (1, 4), (2, 4), (4, 4)])
def test_replicas_share_the_batch_of_one(pipelines, replicas, augmentation):
    """Whatever the split, the shares of a step put together are the batch of a single replica, pixels included."""
    examples, steps = make_examples(EXAMPLES), 4
    alone = take(training(examples, **augmentation), steps)
    local = replicas // pipelines
    contexts = [context(pipelines=pipelines, pipeline=p, replicas=replicas) for p in range(pipelines)]
    shares = [take(training(examples, **augmentation), steps * local, context=each) for each in contexts]
    for step, (features, labels) in enumerate(alone):
        of_step = [share[step * local + r] for share in shares for r in range(local)]
        np.testing.assert_array_equal(np.concatenate([f["image"] for f, _ in of_step]), features["image"])
        for key, values in labels.items():
            np.testing.assert_array_equal(np.concatenate([found[key] for _, found in of_step]), values, err_msg=key)


@pytest.mark.parametrize("augmentation", [{}, {"color_jitter": 0.2, "cutout": 0.25, "mixup": 0.4}], ids=["none", "all"])
def test_what_is_augmented_on_the_device_is_what_would_be_on_the_host(augmentation):
    examples, size = make_examples(EXAMPLES), 20
    on_host = take(training(examples, image_size=size, **augmentation), 3)
    on_device = take(training(examples, image_size=size, augment_on=AugmentOn.DEVICE, **augmentation), 3)
    for (host_features, host_labels), (features, labels) in zip(on_host, on_device, strict=True):
        assert max(value.nbytes for value in features.values()) == (BATCH + bool(augmentation)) * 8 * 8 * 3, "as stored"
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            tensors = tf.nest.map_structure(tf.constant, (features, labels))
            finished = input_fn.augmented(
                *tensors, image_size=size, augmentation=make_augmentation(**augmentation), on_host=False
            )
            features, labels = session.run(finished)
        assert features.keys() == host_features.keys() and labels.keys() == host_labels.keys()
        np.testing.assert_allclose(features["image"], host_features["image"], atol=1e-4)
        for key, values in labels.items():
            np.testing.assert_array_equal(values, host_labels[key], err_msg=key)


def test_batches_that_are_taken_to_a_device_stay_what_they_are():
    batches = training(make_examples(10))
    taken = input_fn.prefetched_to("/cpu:0", batches)
    with tf.Graph().as_default():
        iterator = tf.compat.v1.data.make_initializable_iterator(taken())
        assert {each.device for each in tf.nest.flatten(iterator.get_next())} == {"/device:CPU:0"}
    np.testing.assert_equal(take(lambda _: taken(), 3), take(batches, 3))


def test_mixed_images_and_labels_are_those_of_two_neighbours():
    examples = make_examples(EXAMPLES)
    plain, mixed = take(training(examples, cutout=0.25), 4), take(training(examples, cutout=0.25, mixup=0.4), 4)
    for (features, labels), (mixed_features, mixed_labels) in zip(plain, mixed, strict=True):
        for key, values in labels.items():
            np.testing.assert_array_equal(mixed_labels[key], values, err_msg=key)
        np.testing.assert_array_equal(mixed_labels["mixed_label"], np.roll(labels["label"], -1))
        share = mixed_labels["share"][:, None, None, None]
        expected = share * features["image"] + (1 - share) * np.roll(features["image"], -1, axis=0)
        np.testing.assert_allclose(mixed_features["image"], expected, atol=1e-6)
    shares = [labels["share"] for _, labels in mixed]
    assert len(np.unique(shares)) == 4 * BATCH, "each step and place has its own"


@pytest.mark.parametrize("replicas", [1, 2])
def test_evaluation_is_exact_and_even(replicas):
    """49 examples in batches of 8: each once, the rest padding, as many elements for each replica."""
    make = input_fn.evaluation_input_fn(make_examples(49), image_size=8, crop=1.0, batch_size=BATCH)
    taken = take(make, 99, context=context(pipelines=1, pipeline=0, replicas=replicas))
    assert len(taken) == 7 * replicas
    counted = [i for _, labels in taken for i, w in zip(labels["index"], labels["weight"], strict=True) if w > 0]
    assert sorted(counted) == list(range(49))


def test_closing_a_session_does_not_wait_for_autotuning():
    """It kept runs of a few minutes from ending for up to a minute, as its next look was due."""
    with tf.Graph().as_default():
        assert training(make_examples(20))(None).options().autotune.enabled is False


def test_the_data_set_does_not_stand_in_the_graph():
    examples = make_examples(2000, size=32)  # 6 MB
    with tf.Graph().as_default() as graph:
        tf.compat.v1.data.make_one_shot_iterator(training(examples)(None)).get_next()
        assert graph.as_graph_def().ByteSize() < 200_000
