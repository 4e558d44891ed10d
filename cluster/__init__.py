"""Where a run runs: devices, and the Estimator's configuration for them."""

from cluster.strategy import make_run_config, num_replicas

__all__ = ["make_run_config", "num_replicas"]
