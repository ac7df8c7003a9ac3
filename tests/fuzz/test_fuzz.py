"""A little fuzzing in each run of the tests; ``run.py`` does it for as long as one likes."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_only_own_errors(name):
    function, inputs = TARGETS[name]

    @settings(
        max_examples=20,
        phases=(Phase.generate,),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs())
    def check(data):
        function(data)

    check()
