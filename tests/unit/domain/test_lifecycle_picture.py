"""The picture of the lifecycle cannot lie."""

from __future__ import annotations

from tests.lifecycle_picture import PICTURE, rendered


def test_the_picture_is_what_the_tables_say() -> None:
    """To draw it again: ``python -m tests.lifecycle_picture``."""
    assert PICTURE.read_text(encoding="utf-8") == rendered()
