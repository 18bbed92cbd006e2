"""A headless Chromium, driven by chromedriver over its plain HTTP protocol (W3C WebDriver)."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
DRIVER = shutil.which("chromedriver")
MISSING = "" if CHROMIUM and DRIVER else "there is no chromium with chromedriver"

KEYS = {
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "Home": "\ue011",
    "End": "\ue010",
    "ArrowLeft": "\ue012",
    "ArrowUp": "\ue013",
    "ArrowRight": "\ue014",
    "ArrowDown": "\ue015",
    "Tab": "\ue004",
}
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """One window."""

    def __init__(self, url: str):
        self.url = url
        self.session = ""

    def send(self, method: str, path: str, **body):
        request = urllib.request.Request(
            f"{self.url}{self.session}{path}",
            method=method,
            data=json.dumps(body).encode() if method == "POST" else None,
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            said = json.load(error)["value"]
            raise AssertionError(f"{said['error']}: {said['message']}") from None

    def open(self, page: Path):
        self.send("POST", "/url", url=page.as_uri())
        self.wait("return document.getElementById('canvas').dataset.ready === 'yes'")

    def run(self, script: str, *args):
        return self.send("POST", "/execute/sync", script=script, args=list(args))

    def wait(self, script: str, seconds: float = 20):
        end = time.monotonic() + seconds
        while not self.run(script):
            assert time.monotonic() < end, f"still not: {script}"
            time.sleep(0.05)

    def find(self, css: str) -> str:
        return self.send("POST", "/element", using="css selector", value=css)[_ELEMENT]

    def click(self, css: str):
        self.send("POST", f"/element/{self.find(css)}/click")

    def keys(self, *names: str):
        """Press keys, whatever has the focus."""
        actions = []
        for name in names:
            value = KEYS.get(name, name)
            actions += [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        keyboard = {"type": "key", "id": "keyboard", "actions": actions}
        self.send("POST", "/actions", actions=[keyboard])

    def wheel(self, x: int, y: int, delta: int):
        scroll = {"type": "scroll", "x": x, "y": y, "deltaX": 0, "deltaY": delta}
        self.send("POST", "/actions", actions=[{"type": "wheel", "id": "w", "actions": [scroll]}])

    def drag(self, x: int, y: int, dx: int, dy: int):
        move = {"type": "pointerMove", "duration": 0}
        actions = [
            {**move, "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {**move, "x": x + dx // 2, "y": y + dy // 2},
            {**move, "x": x + dx, "y": y + dy},
            {"type": "pointerUp", "button": 0},
        ]
        self.send("POST", "/actions", actions=[{"type": "pointer", "id": "m", "actions": actions}])

    def text(self, css: str) -> str:
        return self.run("return document.querySelector(arguments[0]).textContent", css)

    def count(self, css: str) -> int:
        return self.run("return document.querySelectorAll(arguments[0]).length", css)

    def style(self, css: str, name: str) -> str:
        script = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"
        return self.run(script, css, name)

    def prefer(self, scheme: str):
        """Let the reader's system be light or dark."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.devtools("Emulation.setEmulatedMedia", features=features)

    def devtools(self, command: str, **params):
        return self.send("POST", "/goog/cdp/execute", cmd=command, params=params)

    def resize(self, width: int, height: int):
        self.send("POST", "/window/rect", width=width, height=height)

    def screenshot(self, path: Path):
        path.write_bytes(base64.b64decode(self.send("GET", "/screenshot")))

    def log(self) -> list[str]:
        """Return what the page has complained of."""
        return [entry["message"] for entry in self.send("POST", "/se/log", type="browser")]

    def requests(self) -> list[str]:
        """Return the addresses that a file's page has asked for since the last call.

        The browser's network log knows them; what its own first page asks for does not count.
        """
        entries = self.send("POST", "/se/log", type="performance")
        events = [json.loads(entry["message"])["message"] for entry in entries]
        sent = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
        return [p["request"]["url"] for p in sent if p["documentURL"].startswith("file:")]

    def spoken(self) -> list[tuple[str, str]]:
        """Return role and name of all that a screen reader finds."""
        nodes = self.devtools("Accessibility.getFullAXTree")["nodes"]
        heard = [node for node in nodes if not node["ignored"]]
        return [(n["role"]["value"], n.get("name", {}).get("value", "")) for n in heard]


@contextmanager
def browser(folder: Path, width: int = 1280, height: int = 860):
    """Start a Chromium whose profile lies in an empty folder; stop it in the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    driver = subprocess.Popen(
        [str(DRIVER), f"--port={port}", "--log-level=OFF"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    window = Browser(f"http://127.0.0.1:{port}")
    try:
        _wait_for(port)
        flags = f"""--headless --no-sandbox --disable-gpu --disable-quic --no-first-run
            --disable-background-networking --disable-component-update --disable-sync
            --disable-dev-shm-usage --user-data-dir={folder} --window-size={width},{height}"""
        options = {"binary": CHROMIUM, "args": flags.split()}
        logs = {"browser": "ALL", "performance": "ALL"}  # the latter holds the network's
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": logs}
        made = window.send("POST", "/session", capabilities={"alwaysMatch": wanted})
        window.session = f"/session/{made['sessionId']}"
        yield window
        window.send("DELETE", "")
    finally:
        driver.terminate()
        driver.wait(timeout=20)


def _wait_for(port: int):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("chromedriver did not start")
