"""Where a run runs: `topology.py` (which task of a cluster this is) and `strategy.py` (devices, RunConfig).

Nothing is imported here: topology is asked before TensorFlow, which takes seconds to import, is needed.
"""
