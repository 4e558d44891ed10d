"""ResNet-18 on small images by Keras `model.fit`: what one would write without this project. Needs TensorFlow alone.

    python keras_fit.py --data=cifar10.npz --steps=200 [--precision=bfloat16]

The data file holds `images` [n, height, width, 3] uint8 and `labels` [n] int32. It says `step N` at every tenth step.
"""

import argparse
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

CLASSES = 10
MOMENTUM, WEIGHT_DECAY, LEARNING_RATE = 0.9, 1e-4, 0.1
SAYS_EVERY = 10

layers = tf.keras.layers


def conv(x: tf.Tensor, filters: int, size: int, stride: int) -> tf.Tensor:
    return layers.Conv2D(
        filters,
        size,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer=tf.keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal"),
        kernel_regularizer=tf.keras.regularizers.L2(WEIGHT_DECAY / 2),
    )(x)


def batch_norm(x: tf.Tensor, gamma: str = "ones") -> tf.Tensor:
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, gamma_initializer=gamma)(x)


def block(x: tf.Tensor, width: int, stride: int) -> tf.Tensor:
    """`relu(shortcut(x) + convolutions(x))`, the last gamma starting at zero."""
    shortcut = x
    if stride != 1 or x.shape[-1] != width:
        shortcut = batch_norm(conv(x, width, 1, stride))
    y = layers.ReLU()(batch_norm(conv(x, width, 3, stride)))
    y = batch_norm(conv(y, width, 3, 1), gamma="zeros")
    return layers.ReLU()(layers.Add()([shortcut, y]))


def resnet18(size: int) -> tf.keras.Model:
    inputs = tf.keras.Input((size, size, 3))
    x = layers.ReLU()(batch_norm(conv(inputs, 64, 7, 2)))
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        x = block(block(x, width, stride), width, 1)
    x = layers.GlobalAveragePooling2D()(x)
    logits = layers.Dense(CLASSES, kernel_regularizer=tf.keras.regularizers.L2(WEIGHT_DECAY / 2), dtype="float32")(x)
    return tf.keras.Model(inputs, logits)


def augmented(images: tf.Tensor, size: int) -> tf.Tensor:
    """Bilinear upsampling to 5/4 of `size`, a random crop of `size`, a random flip: all by one sampling.

    Args:
      images: [n, height, width, 3] uint8.

    Returns:
      [n, size, size, 3] float32 in [-1, 1].
    """
    n, height, upsampled = tf.shape(images)[0], images.shape[1], size * 5 // 4
    # With its border repeated, an image can be sampled beyond the centres of its outermost pixels.
    padded = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="SYMMETRIC")
    offsets = tf.cast(tf.random.uniform([2, n], maxval=upsampled - size + 1, dtype=tf.int32), tf.float32)
    first = ((offsets + 0.5) * height / upsampled + 0.5) / (height + 1)
    last = first + (size - 1) * height / upsampled / (height + 1)
    flipped = tf.random.uniform([n]) < 0.5
    left, right = tf.where(flipped, last[1], first[1]), tf.where(flipped, first[1], last[1])
    boxes = tf.stack([first[0], left, last[0], right], axis=1)
    return tf.image.crop_and_resize(padded, boxes, tf.range(n), [size, size]) / 127.5 - 1


def batches(path: str, batch_size: int, size: int) -> tf.data.Dataset:
    """Epoch after epoch in random order."""
    with np.load(path) as data:
        images, labels = data["images"], data["labels"]
    examples = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(len(images)).repeat()
    examples = examples.batch(batch_size, drop_remainder=True)
    made = examples.map(lambda image, label: (augmented(image, size), label), num_parallel_calls=tf.data.AUTOTUNE)
    return made.prefetch(tf.data.AUTOTUNE)


class Told(tf.keras.callbacks.Callback):
    """Called once every SAYS_EVERY steps."""

    def __init__(self) -> None:
        super().__init__()
        self._step = 0

    def on_train_batch_end(self, batch, logs=None):
        self._step += SAYS_EVERY
        print(f"step {self._step} of {self.params['steps']}: loss {logs['loss']:.4f}", flush=True)


def train(options: argparse.Namespace) -> None:
    tf.keras.utils.set_random_seed(options.seed)
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
    if options.precision == "bfloat16":
        tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
    model = resnet18(options.image_size)
    print("parameters", sum(int(np.prod(each.shape)) for each in model.trainable_variables), flush=True)
    model.compile(
        tf.keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM),
        tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        # The loop is inside the graph: no return to Python between two reports.
        steps_per_execution=SAYS_EVERY,
        jit_compile=bool(tf.config.list_physical_devices("GPU")),
    )
    fed = batches(options.data, options.batch_size, options.image_size)
    model.fit(fed, steps_per_epoch=options.steps, epochs=1, verbose=0, callbacks=[Told()])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--image_size", type=int, default=96)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--seed", type=int, default=0)
    train(parser.parse_args(arguments))


if __name__ == "__main__":
    main()
