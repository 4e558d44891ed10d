"""The model: network, objective, learning-rate schedule and optimizer, joined into one EstimatorSpec a mode."""

from model_fn.spec import Params, model_fn

__all__ = ["Params", "model_fn"]
