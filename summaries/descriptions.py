"""What each tag means, in the words that TensorBoard shows beside its chart or picture."""

import dataclasses

import tensorflow as tf

from summaries import tags


@dataclasses.dataclass(frozen=True)
class Description:
    """A name for people, and what a tag means and what is normal for it, in markdown."""

    display_name: str
    text: str


_SCALARS = {
    tags.LOSS: Description(
        "Loss",
        "Cross-entropy plus weight decay: of training the mean since the last point, of validation over the whole "
        "split. Both fall, and fall at once where the learning rate steps down. Validation that turns upwards while "
        "training still falls means overfitting.",
    ),
    tags.CROSS_ENTROPY: Description(
        "Cross-entropy",
        "The part of the loss that is about the labels, in nats an example. Guessing gives the logarithm of the number "
        "of classes: 2.3 for ten, 4.6 for a hundred. With label smoothing or mixup training has that of the "
        "smoothed and mixed labels, which cannot come near zero, and validation the plain one.",
    ),
    tags.WEIGHT_DECAY: Description(
        "Weight decay",
        "The part of the loss that is about the size of the weights: the decay times half the sum of their squares. It "
        "moves slowly; a sudden rise means that the weights are getting out of hand.",
    ),
    tags.ACCURACY: Description(
        "Accuracy (top-1)",
        "The share of examples whose most probable class is the right one: of training the mean since the last point, "
        "on augmented images (of mixed ones the right class is that of the larger share); of validation over the whole "
        "split.",
    ),
    tags.TOP_5_ACCURACY: Description(
        "Accuracy (top-5)",
        "The share of examples whose right class is among the five most probable. Guessing gives 5 over the number of "
        "classes.",
    ),
    tags.LEARNING_RATE: Description(
        "Learning rate",
        "The one that the last update used, live changes included. The text `learning_rate_changes` says who changed "
        "it and when.",
    ),
    tags.LOSS_SCALE: Description(
        "Loss scale",
        "What the loss is multiplied by so that gradients stay within the range of float16. It doubles after 2,000 "
        "steps in which they do, and halves where they overflow. Falling to 1 means that the run diverges.",
    ),
    tags.SKIPPED_STEPS: Description(
        "Skipped steps",
        "How many steps so far have changed nothing, because their gradients overflowed in float16. A few at first, "
        "then about one in 2,000, as the scale tries its limit; a steep rise means that the run diverges.",
    ),
    tags.EPOCH: Description(
        "Epoch",
        "How often each training example has been seen: steps times batch size over examples. Always a straight line; "
        "it tells at which epoch something happened.",
    ),
    tags.GRADIENT_NORM: Description(
        "Gradient norm",
        "The Euclidean norm of the whole gradient at the last update, weight decay included. It jumps about, within a "
        "factor of ten or so; growth without end comes before divergence.",
    ),
    tags.UPDATE_RATIO: Description(
        "Update to weight ratio",
        "The norm of the last update over the norm of the weights that it changed. About 0.001 is healthy. Far above "
        "0.01 the learning rate is too high, far below 0.0001 next to nothing is learnt.",
    ),
    tags.IMAGES_PER_SECOND: Description(
        "Images per second",
        "Over all replicas, counting time inside training steps only. It should be flat; dips are other work on the "
        "machine, or waiting for input.",
    ),
    tags.STEP_MILLISECONDS: Description(
        "Milliseconds per step",
        "The mean time of a training step since the last point. It should be flat: the work of a step never changes.",
    ),
    tags.INPUT_WAIT: Description(
        "Share of time waiting for input",
        "How much of a step's time passes before its batch is there. Near 0 the network sets the pace, as it should; "
        "above 0.1 the input pipeline holds it up.",
    ),
    tags.MEMORY: Description(
        "Memory (GiB)",
        "What the training process holds of the machine's memory. It settles within the first evaluations; one that "
        "keeps climbing is a leak.",
    ),
    tags.GPU_MEMORY: Description(
        "GPU memory (GiB)",
        "The most that tensors took at once on any one GPU since the last point. It should be flat; what is left of "
        "the GPU's is room for a larger batch.",
    ),
}
_GROUPS = {
    tags.CLASS_ACCURACY: Description(
        "Accuracy by class",
        "The share of this class's validation examples that are recognised (its recall). A class far below the others "
        "is one to look for in the confusion matrix.",
    ),
    tags.STAGE_GRADIENT_NORM: Description(
        "Gradient norm by stage",
        "The Euclidean norm of the gradient of this part of the network at the last update. Parts should stay within a "
        "factor of ten or so of each other; one that goes to zero has stopped learning.",
    ),
    tags.STAGE_UPDATE_RATIO: Description(
        "Update to weight ratio by stage",
        "The norm of the last update over the norm of the weights, of this part of the network. About 0.001 is "
        "healthy, and much the same in every part.",
    ),
    tags.KERNELS: Description(
        "Kernels",
        "The weights of this part of the network, without biases and batch normalisation. A bell around zero that "
        "slowly changes its width; weight decay narrows it.",
    ),
    tags.GRADIENTS: Description(
        "Gradients",
        "The gradient of the loss for this part's kernels, at one update. Peaked at zero with long tails; all at zero "
        "means that nothing is learnt.",
    ),
    tags.ACTIVATIONS: Description(
        "Activations",
        "What this part of the network gives out for a few training images, after the ReLU. Much of it is just zero. "
        "All of it at zero means a dead part, a range that keeps growing one about to diverge.",
    ),
}
_PICTURES = {
    tags.INPUT_IMAGES: Description(
        "Input images",
        "The first images of a training batch as the network sees them, augmented, each under its label. Wrong labels, "
        "colours or crops show here.",
    ),
    tags.CONFUSION_MATRIX: Description(
        "Confusion matrix",
        "Which true class (row) is taken for which (column), in percent of the true class, over the validation split. "
        "Blue is right, red is wrong, and each has a scale of its own: the reddest cell is the commonest mistake.",
    ),
    tags.MISTAKES: Description(
        "Most confident mistakes",
        "The validation images that the network is surest of and wrong about: true class, predicted class and its "
        "probability. Wrong labels in the data set turn up here first.",
    ),
    tags.FILTERS: Description(
        "First-layer filters",
        "The kernels of the first convolution as pictures, each scaled to its own range. Edges and colour blobs come "
        "out of the noise as training goes on; noise that stays means too little training, or too little decay.",
    ),
    tags.RANGE_TEST: Description(
        "Learning-rate range test",
        "The loss while the learning rate rises exponentially. A good rate lies on the steepest slope, well before "
        "the loss turns up.",
    ),
    tags.PRECISION_RECALL: Description(
        "Precision and recall by class",
        "Of this class against all others, over the validation split, as the threshold on its probability moves from 0 "
        "to 1. The nearer a curve comes to the upper right corner, the better.",
    ),
}
_TEXTS = {
    tags.FLAGS: Description("Flags", "Every flag of the run, as it was started."),
    tags.MEANING: Description("What the tags mean", "Every tag with its name and what to look for."),
    tags.ENVIRONMENT: Description("Environment", "Machine, devices, git commit and package versions of the run."),
    tags.MODEL_SUMMARY: Description("Model", "Every layer with its output shape and number of parameters."),
    tags.SCHEDULE: Description("Learning-rate schedule", "The learning rate of each stretch of the run, as planned."),
    tags.LEARNING_RATE_CHANGES: Description(
        "Live learning-rate changes", "Who changed the learning rate while the run trained, to what, at which step."
    ),
}
_ALL = {**_SCALARS, **_GROUPS, **_PICTURES, **_TEXTS}


def described(tag: str) -> Description:
    """The description of a tag of `tags`. A tag of a group has the group's text, and its part in the display name.

    Raises:
      KeyError: neither the tag nor its group is described.
    """
    if tag in _ALL:
        return _ALL[tag]
    group, _, part = tag.partition("/")
    if not part or group not in _ALL:
        raise KeyError(f"tag {tag!r} is not described; describe it or its group in summaries/descriptions.py")
    return Description(f"{_ALL[group].display_name}: {part}", _ALL[group].text)


def metadata(tag: str, *, plugin: str, data_class: int, content: bytes = b"") -> tf.compat.v1.SummaryMetadata:
    """The metadata that carries the description of `tag` to a plugin of TensorBoard.

    `data_class`: one of the constants of `tensorboard.compat.proto.summary_pb2.DataClass`. `content`: what the plugin
    wants to know of its own.
    """
    description = described(tag)
    found = tf.compat.v1.SummaryMetadata(
        # Without a data class TensorBoard's fast reader puts metadata of its own in the place of these.
        data_class=data_class,
        display_name=description.display_name,
        summary_description=description.text,
    )
    found.plugin_data.plugin_name = plugin
    found.plugin_data.content = content
    return found
