"""Servers on this machine that speak the chat-completions protocol: good ones, slow ones, and ones that misbehave."""

import json
import re
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Asked:
    """One request: its path, headers and body, and what the judge is to compare."""

    path: str
    headers: dict[str, str]
    raw: bytes
    body: dict = field(default_factory=dict)

    @property
    def data(self) -> dict:
        return json.loads(self.user.split("\n")[1])

    @property
    def system(self) -> str:
        return self.body["messages"][0]["content"]

    @property
    def user(self) -> str:
        return self.body["messages"][1]["content"]


Answer = tuple[int, dict[str, str], bytes]


def completion(text: str) -> Answer:
    message = {"role": "assistant", "content": text}
    body = {"object": "chat.completion", "model": "served", "choices": [{"index": 0, "message": message}]}
    return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


def verdict(word: str) -> Answer:
    return completion(json.dumps({"verdict": word}))


def by_numbers(asked: Asked) -> Answer:
    """Judge as a judge should who only looks at numbers, whatever the texts say."""
    first, second = (sorted(set(re.findall(r"\d+", asked.data[name]))) for name in ("first", "second"))
    if first == second:
        return verdict("same")
    return verdict("same_new_numbers" if len(first) == len(second) > 0 else "different")


def obedient(asked: Asked) -> Answer:
    """Judge by numbers, unless a text says what to answer."""
    told = re.search(r'\{"verdict": "(\w+)"\}', asked.data["first"] + asked.data["second"])
    return verdict(told[1]) if told else by_numbers(asked)


class Served:
    """A running server, and what it was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[Asked] = []


@contextmanager
def serving(answer: Callable[[Asked], Answer | Callable[[BaseHTTPRequestHandler], None]]):
    """Serve `answer` on a free port of the loopback interface; an answer may also write to the connection itself."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # One packet an answer; in two, the second waits 40 ms for the first one's receipt.
        wbufsize = -1

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            asked = Asked(self.path, dict(self.headers), raw, json.loads(raw))
            served.asked.append(asked)
            given = answer(asked)
            try:
                if callable(given):
                    self.close_connection = True
                    given(self)
                else:
                    self.reply(*given)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    # Threads of slow answers end with the test run; nobody waits for them.
    server.block_on_close = False
    served = Served(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
