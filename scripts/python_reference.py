"""Writes docs/reference/python.md: every public name, its signature and its sentence, from the code itself.

`make reference` runs it. A test compares, so that what others build on changes only where somebody sees it change.
"""

from __future__ import annotations

import enum
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import attrs

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "python.md"

#: What is public, and the words above it. A name that ends with a dot stands for all modules below.
AREAS = {
    "The rules": ("billing_core",),
    "For synchronous code": ("billing_core.blocking",),
    "The ports": ("billing_core.ports.",),
    "The use cases": ("billing_core.use_cases.",),
    "The whole, wired": (
        "billing_bootstrap.settings",
        "billing_bootstrap.application",
        "billing_bootstrap.container",
        "billing_http.app",
        "billing_http.mounting",
    ),
    "Adapters": (
        "billing_memory",
        "billing_postgres",
        "billing_redis",
        "billing_stripe",
        "billing_embedded",
        "billing_migrations",
    ),
}

#: The longest call that is shown on one line.
_WIDTH = 110

HEAD = """# The Python API

Made by `make reference`; do not edit. What stands here is public: within one major version it grows, and nothing of it
goes or changes its meaning. What is not here may change at any time. Types are as the code writes them; all of it is
typed (`py.typed`), and the docstrings promise more than the sentence that is shown. The suites of
`billing_contracts` are listed in [prove your own adapter](../how-to/prove-your-own-adapter.md).
"""


def reference() -> str:
    """The page."""
    parts = [HEAD]
    for title, names in AREAS.items():
        parts.append(f"## {title}\n")
        parts += [_of_module(module) for name in names for module in modules_of(name)]
    return "\n".join(parts)


def modules_of(name: str) -> Iterator[ModuleType]:
    """The modules that a name of `AREAS` stands for."""
    if not name.endswith("."):
        yield importlib.import_module(name)
        return
    package = importlib.import_module(name.removesuffix("."))
    for found in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        module = importlib.import_module(f"{name}{found.name}")
        if hasattr(module, "__all__"):
            yield module


def _of_module(module: ModuleType) -> str:
    lines = [f"### `{module.__name__}`\n", f"{_sentence(module)}\n"]
    for name in sorted(module.__all__):
        lines += _of_name(name, module)
    return "\n".join([*lines, ""])


def _of_name(name: str, module: ModuleType) -> Iterator[str]:
    value = getattr(module, name)
    if inspect.isclass(value):
        yield f"- **`{name}{_bases(value)}`** {_sentence(value)}"
        yield from _of_class(value)
    elif callable(value) and inspect.isroutine(value):
        yield f"- **`{_signature(name, value)}`** {_sentence(value)}"
    else:
        yield f"- **`{name}`** {_comment(name, module)}"


def _of_class(kind: type) -> Iterator[str]:
    if issubclass(kind, enum.Enum):
        yield f"  - {' '.join(f'`{member.value}`' for member in kind)}"
        return
    if not getattr(kind, "_is_protocol", False) and not issubclass(kind, BaseException):
        yield from _of_making(kind)
    for name, member in sorted(vars(kind).items()):
        if isinstance(member, property):
            yield f"  - `{name}: {_annotation(inspect.signature(_getter(member)).return_annotation)}`"
        elif (not name.startswith("_") or name == "__call__") and inspect.isroutine(member):
            plain = member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
            yield f"  - `{_signature(name, plain)}`"


def _getter(member: property) -> Callable[..., object]:
    if member.fget is None:
        raise TypeError("a property that cannot be read")
    return member.fget


def _bases(kind: type) -> str:
    if getattr(kind, "_is_protocol", False):
        return "(Protocol)"
    names = [base.__name__ for base in kind.__bases__ if base is not object]
    return f"({', '.join(names)})" if names else ""


def _of_making(kind: type) -> Iterator[str]:
    """How an instance is made: on one line where that can be read, else an argument a line."""
    shown = _signature("", kind)
    if len(shown) <= _WIDTH:
        yield from () if shown == "()" else (f"  - `{shown}`",)
        return
    arguments = list(inspect.signature(kind).parameters.values())
    by_name = all(one.kind is inspect.Parameter.KEYWORD_ONLY for one in arguments)
    yield f"  - {'by name' if by_name else 'in this order or by name'}:"
    yield from (f"    - `{_parameter(one, kind)}`" for one in arguments)


def _signature(name: str, value: object) -> str:
    try:
        found = inspect.signature(value)  # type: ignore[arg-type]  # a class or a routine, as the callers saw
    except ValueError:  # a type of the language's own, such as an alias
        return name
    shown: list[str] = []
    for one in found.parameters.values():
        if one.kind is inspect.Parameter.KEYWORD_ONLY and not any(part.startswith("*") for part in shown):
            shown.append("*")
        if one.name not in {"self", "cls"}:
            shown.append(_parameter(one, value))
    gives = found.return_annotation
    answer = "" if gives in {None, "None", inspect.Signature.empty} else f" -> {_annotation(gives)}"
    begin = "async " if inspect.iscoroutinefunction(value) else ""
    return f"{begin}{name}({', '.join(shown)}){answer}"


def _parameter(one: inspect.Parameter, of: object) -> str:
    stars = "*" if one.kind is inspect.Parameter.VAR_POSITIONAL else ""
    stars = "**" if one.kind is inspect.Parameter.VAR_KEYWORD else stars
    annotation = one.annotation
    if annotation is inspect.Parameter.empty and inspect.isclass(of) and attrs.has(of):  # a field with a converter
        annotation = getattr(attrs.fields_dict(of).get(one.name), "type", None) or annotation
    typed = "" if annotation is inspect.Parameter.empty else f": {_annotation(annotation)}"
    if one.default is inspect.Parameter.empty:
        return f"{stars}{one.name}{typed}"
    return f"{stars}{one.name}{typed} = {_default(one.default)}"


def _annotation(annotation: object) -> str:
    if isinstance(annotation, str):
        return annotation
    return inspect.formatannotation(annotation).replace("pathlib._local.", "pathlib.")  # where Python 3.13 has it


def _default(default: object) -> str:
    """What an argument is unless given; an ellipsis where that is made anew each time or too long to say."""
    if default is attrs.NOTHING:
        return "…"
    if isinstance(default, enum.Enum):
        return str(default.value)
    return repr(default) if isinstance(default, (str, int, float, type(None))) else "…"


def _comment(name: str, module: ModuleType) -> str:
    """What stands above a constant, in the module that makes it or in one from which it takes it."""
    pattern = re.compile(rf"((?:^#: .*\n)*)^{name}\b.* = ", re.MULTILINE)
    below = [other for known, other in sorted(sys.modules.items()) if known.startswith(module.__name__)]
    found = (pattern.search(inspect.getsource(one)) for one in (module, *below) if getattr(one, name, None) is not None)
    told = next((match[1] for match in found if match), "")
    return " ".join(told.replace("#: ", "").split()).removeprefix("… ")


def _sentence(value: object) -> str:
    """The first line of the docstring."""
    told = value.__doc__ if isinstance(value, ModuleType) else inspect.getdoc(value)
    return (told or "").strip().partition("\n")[0]


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
