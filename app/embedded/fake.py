"""A Redis in Python, for machines that have no real one: enough for Celery and the limiter, in memory only.

Run by path, with the port.
"""

from __future__ import annotations

import sys
from typing import Any

import redis
from fakeredis import TcpFakeServer


def main() -> None:
    """Serve until the process ends."""
    server = TcpFakeServer(("127.0.0.1", int(sys.argv[1])))
    server.RequestHandlerClass = _repaired(server.RequestHandlerClass)
    server.serve_forever()


def _repaired(handler: Any) -> Any:
    """Return the handler of connections without two of its traits."""

    class Handler(handler):  # type: ignore[misc]  # its base is only known at run time
        #: With Nagle's algorithm each MULTI waits 40 ms for a delayed acknowledgement: 11 tasks a second, not 700.
        disable_nagle_algorithm = True

        def setup(self) -> None:
            """Answer errors and go on; they would end the connection, and redis-py counts on NOSCRIPT's answer."""
            super().setup()
            read = self.current_client.read_response

            def read_or_error() -> object:
                try:
                    return read()
                except redis.ResponseError as error:
                    return error

            self.current_client.read_response = read_or_error

    return Handler


if __name__ == "__main__":
    main()
