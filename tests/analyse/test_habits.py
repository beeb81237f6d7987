import numpy as np

from caelum_report.analyse.habits import Habits

WEEKDAYS = np.arange(35) % 7  # the first day is a Monday


def judged(days):
    habits = Habits(days[:, :, None], WEEKDAYS[: len(days)])
    for day in range(len(days)):
        habits.renew(day)
        said = habits.of(day)
        habits.score(day)
    return said[:, 0]


def noise(days):
    return np.random.default_rng(1).normal(size=(days, 24))


def test_a_job_of_every_night_is_expected():
    days = 50 + noise(20)
    days[:, 3] += 12
    said = judged(days)
    assert 10 < said[3] - np.median(said) < 14


def test_free_weekends_are_expected_after_two_of_them():
    office = np.where((np.arange(24) >= 9) & (np.arange(24) < 17), 12.0, 0.0)
    days = 50 + noise(34) + office * (WEEKDAYS[:34, None] < 5)
    saturday, friday = judged(days), judged(days[:33])
    assert friday[9:17].min() - friday[:7].max() > 8
    assert abs(saturday[9:17].mean() - saturday[:7].mean()) < 2


def test_noise_has_no_habits():
    assert np.all(judged(noise(30)) == 0)


def test_days_without_values_teach_nothing():
    days = 50 + noise(20)
    days[:, 3] += 12
    days[8:11] = np.nan
    assert 10 < judged(days)[3] < 14
