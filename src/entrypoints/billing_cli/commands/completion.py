"""``billing --install-completion``: the Tab key completes commands and options."""

from __future__ import annotations

from cyclopts.completion.install import create_install_completion_command

from billing_cli.main import make_app

__all__ = ["install"]

install = create_install_completion_command(make_app().install_completion, add_to_startup=True)
