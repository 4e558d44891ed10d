"""The name of everything a run writes to TensorBoard. Train and validation share names, so one chart shows both."""

# Scalars.
LOSS = "loss"  # The Estimator's own name; cross-entropy plus weight decay.
ACCURACY = "accuracy"
LEARNING_RATE = "learning_rate"
GRADIENT_NORM = "gradient_norm"
IMAGES_PER_SECOND = "images_per_second"

# Images and text.
INPUT_IMAGES = "input_images"
RANGE_TEST = "find_learning_rate"
FLAGS = "flags"
LEARNING_RATE_CHANGES = "learning_rate_changes"
