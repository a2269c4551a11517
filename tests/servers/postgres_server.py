"""PostgreSQL, or a skipped test."""

from __future__ import annotations

from app.bench.servers import postgres_server
from tests.servers.presence import Server, require


class PostgresServer(postgres_server.PostgresServer):
    """PostgreSQL on loopback; without the program the test is skipped, or fails where servers are required."""

    def __init__(self, *, port: int | None = None, max_connections: int = 100) -> None:
        require(Server.POSTGRESQL)
        super().__init__(port=port, max_connections=max_connections)
