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


def test_what_is_not_a_number_has_no_tail():
    assert np.isnan(t_tails([np.nan, 1.0], [3.0, np.nan])).all()


def test_normal_tails():
    assert normal_tails([0.0, -1.9599639845, 6.0]) == pytest.approx([1.0, 0.05, math.erfc(6 / math.sqrt(2))])
