"""Text that is safe to print: terminals interpret control characters."""

from __future__ import annotations


def escape_unprintable(text: str, keep: str = "") -> str:
    """Return a text with every unprintable character escaped as in a Python literal.

    Args:
        text: any text.
        keep: unprintable characters that stay, such as a line break.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in keep else repr(each)[1:-1] for each in text)
