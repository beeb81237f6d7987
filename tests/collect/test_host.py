"""The host under the servers: plausible everywhere, and silent about what a platform hides."""

import socket
from datetime import UTC, datetime

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caelum_report.collect import host


@pytest.fixture(scope="module")
def sample():
    reading = host.begin()
    sum(range(3_000_000))  # some processor time, so that a tick goes by
    return host.finish(reading, "here")


def test_a_sample_is_plausible(sample):
    assert sample.host == "here"
    assert datetime(2000, 1, 1, tzinfo=UTC) < sample.boot_at <= datetime.now(UTC)
    assert sample.cpus >= 1
    assert sample.memory_total_bytes > sample.memory_available_bytes > 0
    assert sample.swap_total_bytes >= sample.swap_used_bytes >= 0
    for percent in (sample.cpu_percent, sample.iowait_percent, sample.steal_percent):
        assert percent is None or 0 <= percent <= 100


def test_the_root_is_a_disk_once_and_full_means_full(sample):
    roots = [disk for disk in sample.disks if disk.name == "/"]
    assert len(roots) == 1
    usage = psutil.disk_usage("/")
    assert 100 * roots[0].used_bytes / roots[0].total_bytes == pytest.approx(usage.percent, abs=1)
    assert len({disk.device for disk in sample.disks}) == len(sample.disks) <= 32


def test_loopback_is_no_network(sample):
    loopback = {name for _, name in socket.if_nameindex() if name.startswith("lo")}
    assert not loopback & {network.name for network in sample.networks}


def test_shares_are_of_the_time_between_the_readings():
    before = {"user": 100.0, "system": 10.0, "idle": 1000.0, "iowait": 5.0, "steal": 1.0, "guest": 50.0}
    after = {"user": 130.0, "system": 20.0, "idle": 1050.0, "iowait": 10.0, "steal": 6.0, "guest": 80.0}
    shares = host._shares(before, after)
    assert (shares["busy"], shares["iowait"], shares["steal"]) == (45.0, 5.0, 5.0)


def test_no_time_between_the_readings_is_no_measurement():
    reading = {"user": 100.0, "idle": 1000.0}
    assert host._shares(reading, reading) == {}
    assert host._shares({}, reading) == {}


seconds = st.dictionaries(st.sampled_from(["user", "nice", "idle", "iowait", "steal"]), st.floats(0, 1e9))


@given(seconds, seconds)
def test_shares_stay_between_0_and_100_whatever_the_counters_do(before, after):
    assert all(0 <= share <= 100 for share in host._shares(before, after).values())


@pytest.mark.parametrize(
    "error",
    [PermissionError("no /proc"), FileNotFoundError(2, "x"), RuntimeError("?"), psutil.AccessDenied(1), IndexError()],
)
def test_what_is_hidden_is_none_and_never_an_error(error):
    def read():
        raise error

    assert host._read(read, None) is None
