"""Serve the built book on this machine alone, and print the address."""

import contextlib
import functools
import http.server
import pathlib
import threading
from collections.abc import Iterator

HTML = pathlib.Path(__file__).resolve().parents[1] / "_build" / "html"
FIRST_PORT = 8000


def open_server() -> http.server.ThreadingHTTPServer:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(HTML))
    for port in [*range(FIRST_PORT, FIRST_PORT + 20), 0]:
        try:
            return http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
        except OSError:
            continue
    raise SystemExit("serve: no free port on 127.0.0.1")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


class QuietServer(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A page that is closed while it loads breaks its connections; that is no fault of the book."""


@contextlib.contextmanager
def quietly() -> Iterator[str]:
    """The address of the built book, served from a thread without a word as long as the context lasts."""
    with QuietServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(HTML))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def main() -> None:
    with open_server() as server:
        print(f"The book: http://127.0.0.1:{server.server_address[1]}/  (Ctrl-C stops)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
