import os
import shutil
import subprocess

import pytest

from cluster.node_list import LARGEST, expand
from settings import UserError

LISTS = {
    "n1": ["n1"],
    "n[1-3]": ["n1", "n2", "n3"],
    "n[2,10]": ["n2", "n10"],
    "n2,n10,n1": ["n2", "n10", "n1"],
    "n[08-11]": ["n08", "n09", "n10", "n11"],
    "n[1-2,007],gpu-a.local": ["n1", "n2", "n007", "gpu-a.local"],
    "r[1-2]n[9-10]": ["r1n9", "r1n10", "r2n9", "r2n10"],
}


def test_a_name_may_go_on_behind_its_numbers():
    """Slurm 22.05 itself has no such names."""
    assert expand("n[1-2,007]-ib") == ["n1-ib", "n2-ib", "n007-ib"]


@pytest.mark.parametrize(("text", "hosts"), LISTS.items())
def test_hosts_stand_in_the_order_of_the_text(text, hosts):
    assert expand(text) == hosts


@pytest.mark.skipif(shutil.which("scontrol") is None, reason="Slurm's scontrol is not installed")
@pytest.mark.parametrize("text", LISTS)
def test_slurm_itself_says_the_same(tmp_path, text):
    configuration = tmp_path / "slurm.conf"  # It wants one even for this.
    configuration.write_text("ClusterName=test\nSlurmctldHost=localhost\n")
    said = subprocess.run(
        ["scontrol", "show", "hostnames", text],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "SLURM_CONF": str(configuration)},
    )
    assert expand(text) == said.stdout.split()


@pytest.mark.parametrize(
    "text", ["", "n[", "n[1-3", "n[]", "n]", "a,,b", "a,", ",a", " a", "n[1-]", "n[1-2-3]", "n[a]"]
)
def test_what_is_no_list_is_one_line(text):
    with pytest.raises(UserError, match=r"^node list .*: character \d+ cannot be read; give names such as"):
        expand(text)


@pytest.mark.parametrize("text", ["n[3-1]", f"n[0-{LARGEST}]", "n[1-60000,1-60000]", "r[1-999]n[1-999]", "n" * 70_000])
def test_what_makes_no_sense_is_refused_before_it_fills_the_memory(text):
    with pytest.raises(UserError, match="node list"):
        expand(text)
