from __future__ import annotations

from app.bench.trials.registry import MODULES, trials


def test_every_module_has_a_trial_of_its_own_name() -> None:
    assert list(trials()) == [module.replace("_", "-") for module in MODULES]
    assert all(one.about for one in trials().values())
