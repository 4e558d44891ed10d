"""What the tests of Slurm share: one Slurm."""

import pytest

from tests.slurm import cluster


@pytest.fixture(scope="session")
def slurm():
    if program := cluster.missing():
        pytest.skip(f"{program} is not installed (Debian: slurmctld, slurmd, slurm-client, munge)")
    with cluster.Slurm() as running:
        yield running
