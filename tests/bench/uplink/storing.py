"""`python -m tests.bench.uplink.storing HOST PORT FOLDER`: a server for peers that speak HTTP, without TLS.

PUT keeps a file that arrives whole; POST, HEAD and PATCH are the core of tus 1.0, which keeps every byte that arrives.
A file gets its name once it is whole.
"""

import base64
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

_BLOCK_BYTES = 4096


class _Storing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    folder: ClassVar[Path]
    sizes: ClassVar[dict[str, int]] = {}

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        part = self.folder / f".{id(self)}"
        part.write_bytes(body)
        part.rename(self.folder / self._name)
        self._answer(204)

    def do_POST(self) -> None:
        """Creates an upload under the file name in Upload-Metadata (tus 1.0, creation)."""
        name = base64.b64decode(self.headers["Upload-Metadata"].split()[1]).decode()
        self.sizes[name] = int(self.headers["Upload-Length"])
        (self.folder / f".{name}").touch()
        self._answer(201, Location=f"/{name}")

    def do_HEAD(self) -> None:
        if self._name in self.sizes:
            self._answer(200, **{"Upload-Offset": str(self._offset), "Upload-Length": str(self.sizes[self._name])})
        else:
            self._answer(404)

    def do_PATCH(self) -> None:
        """Appends what arrives; if the connection breaks, what has arrived stays."""
        if int(self.headers["Upload-Offset"]) != self._offset:
            self.close_connection = True  # there is a body that nobody reads
            self._answer(409)
            return
        left = int(self.headers["Content-Length"])
        with (self.folder / f".{self._name}").open("ab", buffering=0) as file:
            while left and (block := self.rfile.read1(min(left, _BLOCK_BYTES))):
                left -= file.write(block) or 0
        if self._offset == self.sizes[self._name]:
            (self.folder / f".{self._name}").rename(self.folder / self._name)
        self._answer(204, **{"Upload-Offset": str(self._offset)})

    def handle(self) -> None:
        """A connection that breaks is no event here."""
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    @property
    def _name(self) -> str:
        return Path(self.path).name

    @property
    def _offset(self) -> int:
        whole, part = self.folder / self._name, self.folder / f".{self._name}"
        return (whole if whole.exists() else part).stat().st_size

    def _answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Tus-Resumable": "1.0.0", **headers}.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", "0")
        self.end_headers()


if __name__ == "__main__":
    _Storing.folder = Path(sys.argv[3])
    with ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), _Storing) as server:
        print(f"listens on port {server.server_port}", flush=True)
        server.serve_forever()
