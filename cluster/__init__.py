"""Where a run runs: which task of a cluster a process is (`topology`), its devices (`strategy`), and the other tasks
(`membership`); and what starts a job: `local`, `slurm/`, `kubernetes/`.

Nothing is imported here: topology is asked before TensorFlow, which takes seconds to import, is needed.
"""
