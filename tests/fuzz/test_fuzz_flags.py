"""Whatever people type: it is taken, or refused in one line."""

import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import flags
from flags import durations
from flags.registry import FLAGS
from tests.fuzz.common import any_text, fuzz, one_line_at_most

# Nearly what flags take.
scraps = st.lists(
    st.sampled_from([*"0123456789.,:%e-+_ '", "10", "1e3", "nan", "inf", "\u0663", "\n", "true", "cosine", "no", "="]),
    max_size=8,
).map("".join)
flag_text = st.one_of(scraps, any_text)
flag_names = st.sampled_from([name for name in FLAGS if name not in ("help", "model_dir")])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@given(flag_text)
@fuzz
def test_any_text_is_a_duration_or_none(text):
    duration = durations.parse(text)
    assert duration is None or duration.amount >= 0


written_durations = st.one_of(
    st.integers(0, 10**15 - 1).map(str),
    st.tuples(
        st.one_of(st.integers(0, 10**15 - 1), st.floats(0, 100)).map("{:.20f}".format), st.sampled_from("e%")
    ).map("".join),
    st.from_regex(r"[0-9]{0,3}\.[0-9]{1,400}[e%]", fullmatch=True),
)


@given(written_durations)
@fuzz
def test_a_duration_is_written_as_it_is_read(text):
    duration = durations.parse(text)
    assume(duration)
    assert durations.parse(str(duration)) == duration


@given(written_durations, st.floats(0.1, 1e9), st.integers(1, 10**15))
@fuzz
def test_of_any_duration_but_nothing_there_is_a_step(text, steps_per_epoch, train_steps):
    duration = durations.parse(text)
    assume(duration)
    assert duration
    steps = durations.to_steps(duration, steps_per_epoch=steps_per_epoch, train_steps=train_steps)
    assert type(steps) is int
    assert (steps >= 1) == (duration.amount > 0)


def use(argv):
    """Parses a command line, and takes from it what each mode does."""
    with one_line_at_most():
        command = flags.parse(["main.py", *argv])
        if command is None:
            return
        for take in (flags.range_of_rates, flags.rate_request, flags.comparison):
            with one_line_at_most():
                take(command)
        found = flags.experiment(command, num_train_examples=lambda data: 50_000)
        assert json.loads(json.dumps(found.flags, allow_nan=False)).keys() == found.flags.keys()


@given(flag_names, flag_text)
@settings(fuzz, max_examples=400)
def test_any_value_of_any_flag_is_taken_or_refused_in_one_line(name, text):
    use(["--model_dir=run", f"--{name}={text}"])


@given(
    st.lists(
        st.one_of(st.builds("--{}={}".format, flag_names, flag_text), st.builds("--{}".format, flag_names), flag_text)
    )
)
@settings(fuzz, max_examples=200)
def test_any_command_line_is_taken_or_refused_in_one_line(argv):
    assume(not any("flagfile" in text for text in argv))
    use(argv)


flagfile_lines = st.one_of(st.builds("--{}={}".format, flag_names, flag_text), st.just("--flagfile=f.flags"), any_text)


@given(st.one_of(st.binary(max_size=60), st.lists(flagfile_lines, max_size=5).map("\n".join)))
@fuzz
def test_any_flagfile_is_taken_or_refused_in_one_line(folder, content):
    path = folder / "f.flags"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    use([f"--flagfile={path}"])
