"""Whatever a scheduler's variables hold: hosts, or one line."""

from hypothesis import given
from hypothesis import strategies as st

from cluster import node_list
from tests.fuzz.common import any_text, fuzz, one_line_at_most

scraps = st.lists(
    st.sampled_from(["n", "gpu", "[", "]", ",", "-", "1", "08", "10", "1-3", "[1-3]", ".", " ", "\n", "٣"]), max_size=12
).map("".join)
numbers = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 9)), min_size=1, max_size=4)
names = st.tuples(st.sampled_from(["n", "gpu-", "r1x"]), numbers, st.sampled_from(["", "-ib"]))


@given(st.one_of(scraps, any_text))
@fuzz
def test_any_text_is_a_node_list_or_refused_in_one_line(text):
    with one_line_at_most():
        assert all(host and "[" not in host for host in node_list.expand(text))


@given(st.lists(names, min_size=1, max_size=4))
@fuzz
def test_what_is_written_as_slurm_writes_is_read(entries):
    """By the definition: each number between first and last, in the order they stand."""
    written, expected = [], []
    for prefix, ranges, suffix in entries:
        written.append(f"{prefix}[{','.join(f'{first}-{first + more}' for first, more in ranges)}]{suffix}")
        for first, more in ranges:
            expected += [
                prefix + str(number).zfill(len(str(first))) + suffix for number in range(first, first + more + 1)
            ]
    assert node_list.expand(",".join(written)) == expected
