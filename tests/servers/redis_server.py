"""Redis, or a skipped test."""

from __future__ import annotations

from app.bench.servers import redis_server
from tests.servers.presence import Server, require


class RedisServer(redis_server.RedisServer):
    """Redis on loopback; without the program the test is skipped, or fails where servers are required."""

    def __init__(self, *, port: int | None = None, appendonly: bool = False) -> None:
        require(Server.REDIS)
        super().__init__(port=port, appendonly=appendonly)
