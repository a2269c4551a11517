"""RabbitMQ, or a skipped test."""

from __future__ import annotations

from app.bench.servers import rabbitmq_server
from tests.servers.presence import Server, require


class RabbitmqServer(rabbitmq_server.RabbitmqServer):
    """RabbitMQ on loopback; without the program the test is skipped, or fails where servers are required."""

    def __init__(self, *, port: int | None = None) -> None:
        require(Server.RABBITMQ)
        super().__init__(port=port)
