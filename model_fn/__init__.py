"""The model: network, objective, learning-rate schedule and optimizer, joined into one EstimatorSpec a mode."""

from model_fn.live_rate import handles as live_rate_handles
from model_fn.replicas import meeting
from model_fn.spec import Params, model_fn
from model_fn.stop import Wishes
from model_fn.stop import handles as stop_handles

__all__ = ["Params", "Wishes", "live_rate_handles", "meeting", "model_fn", "stop_handles"]
