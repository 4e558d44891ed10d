"""The name of everything a run writes to TensorBoard. Train and validation share names, so one chart shows both.

What comes before a slash is the group that TensorBoard folds a tag into. What each means stands in `descriptions`.
"""

from settings import Metric

# Scalars.
LOSS = "loss"  # The Estimator's own name; cross-entropy plus weight decay.
CROSS_ENTROPY = "loss_parts/cross_entropy"
WEIGHT_DECAY = "loss_parts/weight_decay"
ACCURACY = "accuracy"
TOP_5_ACCURACY = "accuracy_top_5"
LEARNING_RATE = "learning_rate"
LOSS_SCALE = "loss_scale"
SKIPPED_STEPS = "skipped_steps"
EPOCH = "epoch"
GRADIENT_NORM = "gradient_norm"
UPDATE_RATIO = "update_to_weight_ratio"
IMAGES_PER_SECOND = "images_per_second"
STEP_MILLISECONDS = "speed/milliseconds_per_step"
INPUT_WAIT = "speed/share_of_time_waiting_for_input"
MEMORY = "speed/memory_gib"
GPU_MEMORY = "speed/gpu_memory_gib"

# Groups of scalars or histograms, one for each class or each part of the network.
CLASS_ACCURACY = "class_accuracy"
STAGE_GRADIENT_NORM = "stage_gradient_norm"
STAGE_UPDATE_RATIO = "stage_update_to_weight_ratio"
KERNELS = "kernels"
GRADIENTS = "gradients"
ACTIVATIONS = "activations"

# Pictures.
INPUT_IMAGES = "input_images"
CONFUSION_MATRIX = "confusion_matrix"
MISTAKES = "most_confident_mistakes"
FILTERS = "first_layer_filters"
RANGE_TEST = "find_learning_rate"

# Curves over a threshold.
PRECISION_RECALL = "precision_recall"

# Text.
FLAGS = "flags"
MEANING = "what_the_tags_mean"
ENVIRONMENT = "environment"
MODEL_SUMMARY = "model"
SCHEDULE = "learning_rate_schedule"
LEARNING_RATE_CHANGES = "learning_rate_changes"


def of(group: str, name: str) -> str:
    """The tag of one class or part in a group."""
    return f"{group}/{name}"


def of_metric(metric: Metric) -> str:
    """The tag that a metric of the validation split has."""
    return {Metric.LOSS: LOSS, Metric.ACCURACY: ACCURACY}[metric]


def has_top_5(num_classes: int) -> bool:
    """Whether there is a top-5 accuracy: of five classes or fewer it says nothing."""
    return num_classes > 5
