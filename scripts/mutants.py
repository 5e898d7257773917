"""The mutants of a module: mutmut's small changes, each as a function that can take its original's place."""

from __future__ import annotations
import __future__

import gc
import inspect
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import _lru_cache_wrapper
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TypeAlias

import libcst as cst
from attrs import frozen
from libcst.metadata import MetadataWrapper, ParentNodeProvider, PositionProvider
from mutmut.mutation.file_mutation import Mutation, create_mutations, deep_replace

#: mutmut leaves decorated functions alone. These decorators are taken off: what is mutated is the function beneath.
_DECORATORS = re.compile(r"^ *@(property|cached_property|lru_cache\(.*\))$", re.MULTILINE)
#: What a cached function is.
Cache: TypeAlias = "_lru_cache_wrapper[object]"
_STATEMENTS = (cst.BaseSmallStatement, cst.BaseCompoundStatement)
_TEXTS = (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString)


@frozen(kw_only=True)
class Mutant:
    """One change of one function.

    Attributes:
        function: The function's qualified name within its module.
        change: The lines that differ, before and after; with the function a name that outlives changes elsewhere.
        lines: From the start of the statement to the end of what is changed: who runs none of these sees no change.
        source: The changed function alone, in its class where it has one.
    """

    function: str
    change: str
    lines: frozenset[int]
    source: str

    def take_place(self, module: ModuleType, originals: Iterable[FunctionType]) -> None:
        """From now on this process runs the mutant wherever it would run its originals, whoever holds them."""
        names: dict[str, object] = {}
        flags = __future__.annotations.compiler_flag
        code = compile(self.source, "<mutant>", "exec", flags, dont_inherit=True)
        exec(code, vars(module), names)  # noqa: S102  # nosec B102
        *classes, name = self.function.split(".")
        made = vars(names[classes[0]])[name] if classes else names[name]
        mutant = made.__func__ if isinstance(made, classmethod | staticmethod) else made
        if not isinstance(mutant, FunctionType):
            raise TypeError(self.source)
        for original in originals:
            original.__code__ = mutant.__code__
            original.__defaults__ = mutant.__defaults__
            original.__kwdefaults__ = mutant.__kwdefaults__


def mutants_of(module: ModuleType) -> Iterator[Mutant]:
    """All mutants of the module's functions but those that change the words of a refusal alone."""
    path = inspect.getfile(module)
    code = _DECORATORS.sub("", Path(path).read_text(encoding="utf-8"))
    tree, mutations, _, _ = create_mutations(path, code)
    wrapper = MetadataWrapper(tree, unsafe_skip_copy=True)
    positions, parents = wrapper.resolve(PositionProvider), wrapper.resolve(ParentNodeProvider)
    seen: Counter[tuple[str, str]] = Counter()
    for mutation in mutations:
        function = mutation.contained_by_top_level_function
        if not isinstance(function, cst.FunctionDef) or _is_wording(mutation, parents, module):
            continue
        around = parents.get(parents[function])
        holder = around if isinstance(around, cst.ClassDef) else None
        mutated = deep_replace(function, mutation.original_node, mutation.mutated_node)
        if not isinstance(mutated, cst.FunctionDef):
            raise TypeError(mutation)
        change = _change(function, mutated)
        name = f"{holder.name.value}.{function.name.value}" if holder else function.name.value
        seen[name, change] += 1
        statement = _statement(mutation.original_node, parents)
        start = positions[statement].start.line
        end = positions[function if statement is function else mutation.original_node].end.line
        yield Mutant(
            function=name,
            change=change if seen[name, change] == 1 else f"{change} ({seen[name, change]})",
            lines=frozenset(range(start, end + 1)),
            source=_source(mutated, holder),
        )


def functions_of(module: ModuleType) -> dict[str, list[FunctionType]]:
    """The module's functions by qualified name, wherever they are held: in a class, a property, a cache."""
    path = inspect.getfile(module)
    found: dict[str, list[FunctionType]] = defaultdict(list)
    for held in gc.get_objects():
        if isinstance(held, FunctionType) and held.__code__.co_filename == path:
            found[held.__code__.co_qualname].append(held)
    return dict(found)


def caches_of(package: str) -> list[Cache]:
    """The caches of this package's functions: what they hold was computed by the originals."""
    gc.unfreeze()  # what the tests have set aside is not listed
    held = (one for one in gc.get_objects() if isinstance(one, _lru_cache_wrapper))
    return [cache for cache in held if cache.__module__.startswith(package)]


def _is_wording(mutation: Mutation, parents: Mapping[cst.CSTNode, cst.CSTNode], module: ModuleType) -> bool:
    """Whether it changes a text in the parentheses of an error, or leaves one out."""
    node, mutated = mutation.original_node, mutation.mutated_node
    if isinstance(node, cst.Call) and isinstance(mutated, cst.Call):
        texts = all(isinstance(gone.value, _TEXTS) for gone in node.args if gone not in mutated.args)
    else:
        texts = isinstance(node, _TEXTS)
    while not isinstance(node, cst.Call | cst.FunctionDef):
        node = parents[node]
    made = vars(module).get(node.func.value) if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) else None
    return texts and isinstance(made, type) and issubclass(made, Exception)


def _statement(node: cst.CSTNode, parents: Mapping[cst.CSTNode, cst.CSTNode]) -> cst.CSTNode:
    while not isinstance(node, _STATEMENTS):
        node = parents[node]
    return node


def _change(before: cst.FunctionDef, after: cst.FunctionDef) -> str:
    old, new = ([line.strip() for line in cst.Module([node]).code.strip().splitlines()] for node in (before, after))
    while old and new and old[0] == new[0]:
        del old[0], new[0]
    while old and new and old[-1] == new[-1]:
        del old[-1], new[-1]
    return f"{' '.join(old)} => {' '.join(new)}"


def _source(function: cst.FunctionDef, holder: cst.ClassDef | None) -> str:
    if holder is None:
        return cst.Module([function]).code
    return cst.Module([cst.ClassDef(holder.name, cst.IndentedBlock([function]))]).code
