from __future__ import annotations

import pytest

from app.bench.trials.slots import allowed
from app.settings import Settings


@pytest.mark.parametrize(("portal", "account", "lanes"), [(32, 16, 64), (32, 4, 16), (8, 16, 16)])
def test_the_smaller_share_rules(portal: int, account: int, lanes: int) -> None:
    assert allowed(Settings(environment="test", portal_share=portal, account_share=account)) == lanes
