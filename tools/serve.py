"""Serve the built book on this machine alone, and print the address."""

import functools
import http.server
import pathlib

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


def main() -> None:
    with open_server() as server:
        print(f"The book: http://127.0.0.1:{server.server_address[1]}/  (Ctrl-C stops)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
