"""A real Chromium without a window, driven by its DevTools protocol.

https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from attrs import define, field
from websockets.sync.client import ClientConnection, connect

from billing_cli.calls import Server

PATIENCE_SECONDS = 60.0
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--remote-debugging-port=0",
    "--window-size=1200,1000",
)


@define(eq=False)
class Page:
    """The one tab of a browser."""

    _line: ClientConnection
    _numbers: Iterator[int] = field(factory=lambda: count(1))

    def open(self, url: str) -> None:
        """Go there, and wait until it is there."""
        self._call("Page.navigate", url=url)
        self._until(lambda: self.address == url and self._is_loaded(), f"at {url}")

    @property
    def address(self) -> str:
        """Where it is."""
        return str(self.evaluate("location.href"))

    def text(self) -> str:
        """What a person reads on it."""
        return str(self.evaluate("document.body.innerText"))

    def type_into(self, selector: str, text: str) -> None:
        """Click into a field, mark what it holds, and type over it."""
        self.click(selector)
        self.evaluate("document.activeElement.select()")
        self._call("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        """Press and release the mouse in the middle of what the selector finds."""
        place = self.evaluate(
            f"(() => {{ const found = document.querySelector({json.dumps(selector)});"
            " found.scrollIntoView({block: 'center'}); const box = found.getBoundingClientRect();"
            " return {x: box.x + box.width / 2, y: box.y + box.height / 2}; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)

    def until_at(self, url: str) -> None:
        """Wait until it was sent there and has loaded."""
        self._until(lambda: self.address == url and self._is_loaded(), f"at {url}")

    def until_it_says(self, text: str) -> None:
        """Wait until a person reads ``text`` on it."""
        self._until(lambda: text in self.text(), f"to say {text!r}")

    def screenshot(self, path: Path) -> None:
        """Keep a picture of it."""
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"]))

    def evaluate(self, expression: str) -> Any:  # noqa: ANN401 - whatever JSON may hold
        """The value of a JavaScript expression."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def _is_loaded(self) -> bool:
        return bool(self.evaluate("document.readyState") == "complete")

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                if holds():
                    return
            except RuntimeError as away:  # between two pages there is none to ask
                if time.monotonic() > deadline:
                    raise TimeoutError(f"never {what}") from away
            if time.monotonic() > deadline:
                raise TimeoutError(f"never {what}, but at {self.address}: {self.text()[:500]}")
            time.sleep(0.05)

    def _call(self, method: str, **parameters: object) -> dict[str, Any]:
        number = next(self._numbers)
        self._line.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (answer := json.loads(self._line.recv(timeout=PATIENCE_SECONDS))).get("id") != number:
            continue  # an event, which nobody asked for
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """A browser of its own with a fresh profile below ``folder``; its tab."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        raise RuntimeError("There is no Chromium: `make test-system` installs it.")
    profile = folder / "profile"
    log = folder / "chromium.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
            env={**os.environ, "HOME": str(folder)},
            stdout=output,
            stderr=output,
        )
    try:
        with connect(_address_of_tab(profile, process, log), max_size=None, proxy=None) as line:
            page = Page(line)
            page.evaluate("1")
            yield page
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address_of_tab(profile: Path, process: subprocess.Popen[bytes], log: Path) -> str:
    """Where the browser wrote down that it listens, as soon as it does."""
    note = profile / "DevToolsActivePort"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if note.exists() and (lines := note.read_text(encoding="utf-8").splitlines()):
            return _tab_at(int(lines[0]))
        time.sleep(0.05)
    raise RuntimeError(f"Chromium did not start: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")


def _tab_at(port: int) -> str:
    tabs = Server(f"http://127.0.0.1:{port}", "Chromium").get("/json/list").json
    return str(next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"))
