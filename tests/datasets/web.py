"""A web server on this machine that answers well or badly, for testing downloads without a network."""

from __future__ import annotations

import contextlib
import http.server
import socketserver
import threading
import time


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Stay quiet about clients that went away: some tests kill them."""


@contextlib.contextmanager
def serving(files, *, drop_after=None, announce=True, pause=0.0, status=200):
    """Serve `files` (path -> bytes); yields the address and the list of paths that were asked for.

    drop_after closes the connection after so many bytes; pause waits so many seconds after each 64 KiB.
    """
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            content = files.get(self.path.lstrip("/"))
            self.send_response(404 if content is None else status)
            if announce:
                self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            content = (content or b"")[:drop_after]
            for start in range(0, len(content), 1 << 16):
                self.wfile.write(content[start : start + (1 << 16)])
                self.wfile.flush()
                time.sleep(pause)

        def log_message(self, *arguments):
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def nobody_listens():
    """An address on this machine where no one answers."""
    with socketserver.TCPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        port = server.server_address[1]
    return f"http://127.0.0.1:{port}/"
