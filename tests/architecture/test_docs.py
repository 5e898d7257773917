"""Whatever the docs point at is there: links, and every path of this repository that is named in backticks."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source_tree import REPOSITORY

PAGES = sorted([*(REPOSITORY / "docs").rglob("*.md"), *(REPOSITORY / name for name in ("README.md", "CHANGELOG.md"))])

_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
#: What looks like a path of ours: begins with a folder of the repository, and has no placeholder in it.
_PATH = re.compile(r"(?:src|docs|tests|examples|scripts|migrations|benchmarks)/[\w./-]*")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The headings of a page, as links name them."""
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in _HEADING.findall(text)}


def dangling(page: Path) -> Iterator[str]:
    """What a page points at and is not there."""
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    for target in _LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = page.parent / name if name else page
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in anchors(there)):
            yield target
    for code in _CODE.findall(text):
        if _PATH.fullmatch(code) and not (REPOSITORY / code).exists():
            yield code


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_everything_that_a_page_points_at_is_there(page: Path) -> None:
    assert list(dangling(page)) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A title\n[a](gone.md) [b](#a-title) [c](#no) `src/gone.py` `docs/index.md`\n", encoding="utf-8")

    assert list(dangling(page)) == ["gone.md", "#no", "src/gone.py"]


def test_every_page_is_reached_from_the_index() -> None:
    """By links, from one page to the next."""
    seen: set[Path] = set()
    waiting = [REPOSITORY / "docs" / "index.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page.is_dir():  # a link to a folder is one to all of its pages
            waiting += page.glob("*.md")
        if page in seen or page.suffix != ".md" or not page.exists():
            continue
        seen.add(page)
        waiting += [
            page.parent / target.partition("#")[0] for target in _LINK.findall(page.read_text(encoding="utf-8"))
        ]

    assert [str(page.relative_to(REPOSITORY)) for page in (REPOSITORY / "docs").rglob("*.md") if page not in seen] == []


def test_the_glossary_is_sorted_and_names_code_that_exists() -> None:
    """A word is found where the alphabet has it."""
    rows = re.findall(r"^\| \*\*([^*]+)\*\* \|", (REPOSITORY / "docs/glossary.md").read_text("utf-8"), re.MULTILINE)

    assert rows == sorted(rows, key=str.casefold)


def test_the_example_of_the_readme_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(encoding="utf-8"), re.DOTALL)

    exec(compile(example, "README.md", "exec"), {})  # noqa: S102 - our own page
    assert capsys.readouterr().out.strip() == example.rpartition("# ")[2].strip()
