"""What is said of a wrong command line."""

import unicodedata

_BREAKING = ("Cc", "Cs", "Zl", "Zp")  # Control characters, bytes that are no text, ends of lines and of paragraphs.
_KEPT = 300  # characters, of each end of what is too long


def is_one_line(text: str) -> bool:
    """Whether `text` is text, breaks no line and steers no terminal."""
    return not any(unicodedata.category(character) in _BREAKING for character in text)


def one_line(text: str) -> str:
    """`text` with escape sequences in place of what cannot be printed, and without its middle if very long."""
    if len(text) > 2 * _KEPT:
        text = f"{text[:_KEPT]}...{text[-_KEPT:]}"
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )
