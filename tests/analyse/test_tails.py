import math

import numpy as np
import pytest

from caelum_report.analyse.tails import normal_tails, t_quantile, t_tails


@pytest.mark.parametrize(
    ("t", "freedom", "p"),
    [
        (12.7062047362, 1, 0.05),
        (2.5705818366, 5, 0.05),
        (2.0, 5, 0.1019394790),
        (-2.0, 5, 0.1019394790),
        (2.0422724563, 30, 0.05),
        (8.0, 40, 7.9050841e-10),
        (1.9599639845, 1e9, 0.05),
        (0.0, 7, 1.0),
    ],
)
def test_tails_of_student_are_those_of_the_tables(t, freedom, p):
    assert t_tails(t, freedom) == pytest.approx(p, rel=1e-4)


def test_quantiles_of_student_are_those_of_the_tables():
    assert t_quantile(0.05, [1, 10, 1e6]) == pytest.approx([12.7062, 2.228139, 1.95997], rel=1e-4)


@pytest.mark.parametrize("two_sided", [0.9, 0.5, 0.05, 1e-3, 1e-8])
def test_quantiles_of_student_are_where_the_tails_say(two_sided):
    freedom = np.array([0.5, 0.7, 1, 2.5, 10, 300, 1e5])
    t = t_quantile(two_sided, freedom)
    inside = t < 1e4
    assert t_tails(t, freedom)[inside] == pytest.approx(two_sided, rel=1e-6)
    assert (t_tails(t, freedom)[~inside] > two_sided).all()
    assert np.isposinf(t_quantile(two_sided, [0.3, np.nan])).all()


def test_what_is_not_a_number_has_no_tail():
    assert np.isnan(t_tails([np.nan, 1.0], [3.0, np.nan])).all()


def test_normal_tails():
    assert normal_tails([0.0, -1.9599639845, 6.0]) == pytest.approx([1.0, 0.05, math.erfc(6 / math.sqrt(2))])
