"""Matrix: the relay as an application service of one homeserver.

The homeserver's administrator installs the file that ``registration`` writes; from then on the homeserver pushes what
happens in the rooms of the account's user. A customer starts by inviting that user into a room without encryption.
Facts are from the specification's application service API (https://spec.matrix.org/latest/application-service-api/)
and client-server API (https://spec.matrix.org/latest/client-server-api/), and from Synapse 1.163.
"""

from __future__ import annotations

from app.connectors.matrix.connector import MatrixConnector
from app.connectors.matrix.credentials import MatrixCredentials, registration

__all__ = ["MatrixConnector", "MatrixCredentials", "registration"]
