"""Batches for the Estimator: tf.data over global steps, each replica reading its own places of the global batch."""

import os
from collections.abc import Callable

import tensorflow as tf

from input_fn import augment, mixup, order
from input_fn.sources import Examples
from settings import Augmentation, AugmentOn

InputFn = Callable[..., tf.data.Dataset]

# Features of an element that the device augments: uint8 images as they are stored, the numbers drawn for each and, with
# mixup, its share.
_STORED, _DRAWS, _SHARES = "stored", "draws", "share"
# Batches made ahead of the step that uses them: enough to hide an uneven batch, few enough to cost no memory.
PREFETCHED_BATCHES = 2
# A batch of 64 at 96 px takes one core 13 ms: eight feed a GPU with 40,000 images/s, and more would only hold memory.
_PARALLEL_BATCHES = min(os.cpu_count() or 1, 8)


def training_input_fn(
    examples: Examples,
    *,
    image_size: int,
    augmentation: Augmentation,
    batch_size: int,
    seed: int,
    first_step: Callable[[], int],
    augment_on: AugmentOn = AugmentOn.HOST,
) -> InputFn:
    """An endless input_fn whose first batch is that of global step `first_step()`, asked each time training starts.

    Its elements are `({"image": [b, image_size, image_size, 3] float32 in [-1, 1]}, labels)`, `labels` holding
    `label` [b] int32, `weight` [b] float32 and `index` [b] int64, the example's place in its split. `b` is
    `batch_size` divided by the replicas. With mixup also `mixed_label` [b] int32, of what an image is mixed with, and
    `share` [b] float32, at least a half, that its own label has. With `augment_on` DEVICE they are what `augmented`
    makes these elements of.
    """

    def input_fn(input_context: tf.distribute.InputContext | None = None) -> tf.data.Dataset:
        start = first_step()

        def batch(step: tf.Tensor, places: tf.Tensor) -> tuple[dict, dict]:
            index = order.shuffled_indices(
                step, places, seed=seed, batch_size=batch_size, num_examples=examples.num_examples
            )
            images, label = _gather(examples, index)
            draws = tf.stack(augment.draw(step, places, seed=seed, batch_size=batch_size), axis=1)
            return {_STORED: images, _DRAWS: draws}, {
                "label": label,
                "weight": tf.ones_like(label, tf.float32),
                "index": index,
            }

        def mixed_batch(step: tf.Tensor, places: tf.Tensor) -> tuple[dict, dict]:
            features, labels = batch(step, mixup.with_next(places, batch_size=batch_size))
            share = mixup.shares(step, places, alpha=augmentation.mixup, seed=seed, batch_size=batch_size)
            return {**features, _SHARES: share}, labels

        def finished_batch(step: tf.Tensor, places: tf.Tensor) -> tuple[dict, dict]:
            stored = (mixed_batch if augmentation.mixup else batch)(step, places)
            if augment_on is AugmentOn.DEVICE:
                return stored
            return augmented(*stored, image_size=image_size, augmentation=augmentation, on_host=True)

        return _per_replica(finished_batch, batch_size=batch_size, steps=None, start=start, input_context=input_context)

    return input_fn


def prefetched_to(device: str, batches: InputFn) -> InputFn:
    """`batches`, each copied to a device such as `/gpu:0` while the one before it is trained on."""
    return lambda: batches().apply(tf.data.experimental.prefetch_to_device(device, buffer_size=1))


def augmented(
    features: dict[str, tf.Tensor],
    labels: dict[str, tf.Tensor],
    *,
    image_size: int,
    augmentation: Augmentation,
    on_host: bool,
) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
    """What the network sees, of an element that an input_fn with `augment_on` DEVICE gives: one of HOST's elements."""
    draws = augment.Draws(*tf.unstack(features[_DRAWS], axis=1))
    images = augment.training_images(
        features[_STORED], draws, image_size=image_size, augmentation=augmentation, on_host=on_host
    )
    if _SHARES in features:
        return mixup.mixed({"image": images}, labels, features[_SHARES])
    return {"image": images}, labels


def evaluation_input_fn(examples: Examples, *, image_size: int, crop: float, batch_size: int) -> InputFn:
    """An input_fn that gives every example once, in the order of its split; the last batch is padded (weight 0).

    Its elements are those of `training_input_fn`, of the middle of each image, `crop` of its sides, as it is.
    """

    def input_fn(input_context: tf.distribute.InputContext | None = None) -> tf.data.Dataset:
        def batch(step: tf.Tensor, places: tf.Tensor) -> tuple[dict, dict]:
            index, weight = order.sequential_indices(
                step, places, batch_size=batch_size, num_examples=examples.num_examples
            )
            images, label = _gather(examples, index)
            images = augment.evaluation_images(images, image_size=image_size, crop=crop)
            return {"image": images}, {"label": label, "weight": weight, "index": index}

        steps = order.evaluation_steps(batch_size=batch_size, num_examples=examples.num_examples)
        return _per_replica(batch, batch_size=batch_size, steps=steps, start=0, input_context=input_context)

    return input_fn


def _per_replica(
    batch: Callable[[tf.Tensor, tf.Tensor], tuple[dict, dict]],
    *,
    batch_size: int,
    steps: int | None,
    start: int,
    input_context: tf.distribute.InputContext | None,
) -> tf.data.Dataset:
    """Calls `batch(step, places)` for each step and each replica that this input pipeline feeds, in turn.

    A strategy hands the elements of one pipeline to its replicas in turn, so element `k` belongs to step
    `k // replicas` and to replica `k % replicas` of this pipeline.
    """
    pipelines = input_context.num_input_pipelines if input_context else 1
    pipeline = input_context.input_pipeline_id if input_context else 0
    all_replicas = input_context.num_replicas_in_sync if input_context else 1
    replicas = all_replicas // pipelines
    size = batch_size // all_replicas

    def element(k: tf.Tensor) -> tuple[dict, dict]:
        replica = pipeline * replicas + k % replicas
        return batch(k // replicas, replica * size + tf.range(size, dtype=tf.int64))

    stop = tf.int64.max if steps is None else (start + steps) * replicas
    options = tf.data.Options()
    # Autotuning looks ever more seldom, in the end once a minute, and a session that closes waits for its next look.
    options.autotune.enabled = False
    with tf.name_scope("input"):
        elements = tf.data.Dataset.range(start * replicas, stop)
        elements = elements.map(element, num_parallel_calls=_PARALLEL_BATCHES, deterministic=True)
        return elements.prefetch(PREFETCHED_BATCHES).with_options(options)


def _gather(examples: Examples, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The stored images and labels at `index`. By a call into NumPy, so that the data set never stands in the graph."""

    def read(index):
        return examples.images[index], examples.labels[index]

    images, labels = tf.numpy_function(read, [index], [tf.uint8, tf.int32], stateful=False)
    images.set_shape(index.shape[:1] + examples.images.shape[1:])
    labels.set_shape(index.shape[:1])
    return images, labels
