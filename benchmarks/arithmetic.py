"""How many floating-point operations a network takes, counted from the shapes of its layers.

A multiplication and an addition are two. Only convolutions and dense layers count: the rest is a few in a thousand.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol


class Layer(Protocol):
    """A row of a network's summary, as `model_fn.network.Layer`."""

    @property
    def name(self) -> str: ...
    @property
    def output_shape(self) -> tuple[int | None, ...]: ...
    @property
    def parameters(self) -> int: ...


def forward_operations(layers: Iterable[Layer]) -> int:
    """Of one image, from pixels to logits."""
    return sum(_operations(layer) for layer in layers)


def training_operations(layers: Sequence[Layer]) -> int:
    """Of one image, forward and backward.

    Backward each layer takes its forward operations twice, for the gradients of its kernel and of its input, but the
    first, whose input needs none.
    """
    first = next(count for layer in layers if (count := _operations(layer)))
    return 3 * forward_operations(layers) - first


def _operations(layer: Layer) -> int:
    kind = layer.name.rpartition("/")[2]
    if kind.startswith("conv"):
        _, height, width, _ = layer.output_shape
        assert height and width
        return 2 * layer.parameters * height * width
    if kind == "logits":
        outputs = layer.output_shape[-1]
        assert outputs
        return 2 * (layer.parameters - outputs)  # Without the biases.
    return 0
