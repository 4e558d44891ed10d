"""Examples, and what all may do that reads them: raise the one error, in one line."""

import contextlib
import copy
import unicodedata

from hypothesis import settings
from hypothesis import strategies as st

from settings import UserError

# The same examples every time.
fuzz = settings(derandomize=True, deadline=None, max_examples=100, database=None, report_multiple_bugs=False)

any_text = st.text(max_size=30)
any_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.just(10**400), st.floats(), any_text),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(any_text, inner, max_size=4)),
    max_leaves=10,
)


@st.composite
def damaged(draw, good):
    """A JSON value that is like `good` but for one part, which is something else, or missing."""
    value = copy.deepcopy(good)
    place, key = value, draw(_keys(value))
    while isinstance(place[key], dict | list) and place[key] and draw(st.integers(0, 2)):
        place = place[key]
        key = draw(_keys(place))
    if draw(st.booleans()):
        place[key] = draw(any_json)
    else:
        del place[key]
    return value


def _keys(place):
    return st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place)))


@contextlib.contextmanager
def one_line_at_most():
    """A UserError may end the block, if it is one line, and not a long one."""
    try:
        yield
    except UserError as error:
        check_line(str(error))


def check_line(text):
    assert not {unicodedata.category(character) for character in text} & {"Cc", "Cs", "Zl", "Zp"}
    assert 10 < len(text) < 1_000
