"""What the tests of channels share: a web server and a mail server on loopback that do as they are told, and count."""

import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from radar.notify import parse_channels


class Hook:
    """A web server: `answers` by path, else `otherwise`; what came in is in `hits`."""

    def __init__(self):
        self.answers, self.hits, self.release = {}, [], threading.Event()
        self.otherwise = (200, {}, b"ok")
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                hook.hits.append((self.command, self.path, dict(self.headers), body))
                answer = hook.answers.get(self.path.partition("?")[0], hook.otherwise)
                if answer == "hang":
                    hook.release.wait(20)
                    return
                if answer == "drip":
                    self.wfile.write(b"HTTP/1.0 200 OK\r\n")
                    while not hook.release.wait(0.05):
                        self.wfile.write(b"X: y\r\n")
                    return
                status, headers, text = answer
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(text))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST  # noqa: N815

            def log_message(self, *args):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # the client went away, as it should

        self._server = Server(("127.0.0.1", 0), Handler)
        self.at = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self):
        """Stop, and let go of whoever hangs."""
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class MailBox:
    """A mail server that knows one password and one recipient; mails that came in are in `mails`."""

    def __init__(self):
        self.mails = []
        box = self

        class Handler(socketserver.StreamRequestHandler):
            def say(self, text):
                self.wfile.write(text.encode() + b"\r\n")

            def handle(self):
                self.say("220 box")
                for line in self.rfile:
                    word = line.decode(errors="replace").strip().upper()
                    if word.startswith("EHLO"):
                        self.say("250-box\r\n250 AUTH PLAIN")
                    elif word.startswith("AUTH"):
                        self.say("235 welcome" if line.split()[-1] == b"AHUAZ29vZA==" else "535 no")  # \0u\0good
                    elif word.startswith("RCPT"):
                        self.say("550 nobody" if "NOBODY" in word else "250 ok")
                    elif word == "DATA":
                        self.say("354 go on")
                        mail = b""
                        while (part := self.rfile.readline()) not in {b".\r\n", b""}:
                            mail += part
                        box.mails.append(mail.decode())
                        self.say("250 taken")
                    elif word == "QUIT":
                        self.say("221 bye")
                        return
                    else:
                        self.say("250 ok")

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # the client went away, as it should

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self):
        """Stop, and let go of whoever hangs."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def hook():
    """A web server on loopback."""
    server = Hook()
    yield server
    server.close()


@pytest.fixture
def mailbox():
    """A mail server on loopback."""
    server = MailBox()
    yield server
    server.close()


@pytest.fixture
def open_channel():
    """The one channel that a URL makes, local ones allowed."""

    def opened(url):
        channels, problems = parse_channels(f"desk={url}", allow_local=True)
        assert problems == []
        return channels[0]

    return opened
