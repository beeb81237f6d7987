import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caelum_report.analyse.flapping import flapping_of_checks, is_flapping

NAN = float("nan")


@pytest.mark.parametrize(
    ("states", "before", "answer"),
    [
        ([], False, False),
        ([1] * 40, False, False),
        ([1, 0, 1, 0, 1], False, True),
        ([1, 0, 1, 0], False, False),  # three changes
        ([1, 0, 1, 0], True, True),
        ([1] * 20 + [0, 0, 0], True, False),  # one change: it went down and stays down
        ([1, NAN, 1, NAN, 1, NAN, 1], False, False),  # not checked is not a state
        ([1, NAN, 0, NAN, 1, NAN, 0, 1], False, True),
        ([1, 0, 1, 0, 1] + [1] * 23, False, False),  # long ago
    ],
)
def test_four_changes_in_24_checks_start_it_and_one_or_none_ends_it(states, before, answer):
    assert is_flapping(states, before=before) is answer


def test_it_takes_a_series_too():
    assert is_flapping(pd.Series([1.0, 0, 1, 0, 1]))


@given(st.lists(st.sampled_from([0.0, 1.0, NAN]), max_size=80))
def test_a_history_is_judged_as_its_checks_would_be_one_by_one(states):
    together = flapping_of_checks(np.array(states, float)).tolist()
    flapping, one_by_one = False, []
    for k in range(len(states)):
        flapping = is_flapping(states[: k + 1], before=flapping)
        one_by_one.append(flapping)
    assert together == one_by_one
