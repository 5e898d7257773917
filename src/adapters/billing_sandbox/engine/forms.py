"""Form encoding as Stripe's clients write it: `items[0][price]=…`, `expand[]=…`, nested to any depth."""

import re
from typing import TypeAlias
from urllib.parse import parse_qsl

Raw: TypeAlias = str | dict[str, "Raw"]
"""A parameter before validation: text, or a hash of parameters (lists are hashes with numbers for keys)."""

_STEP = re.compile(r"\[([^\[\]]*)\]")


def decode(encoded: str) -> dict[str, Raw]:
    """The parameters of a form body or query string."""
    root: dict[str, Raw] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        head, bracket, rest = name.partition("[")
        _place(root, [head, *_STEP.findall(bracket + rest)], value)
    return root


def _place(node: dict[str, Raw], steps: list[str], value: str) -> None:
    for position, step in enumerate(steps):
        key = step if step or position == 0 else str(len(node))
        if position == len(steps) - 1:
            node[key] = value
            return
        child = node.get(key)
        if not isinstance(child, dict):
            child = {}
            node[key] = child
        node = child
