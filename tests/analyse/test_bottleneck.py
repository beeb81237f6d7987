"""Incidents whose cause is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caelum_report.analyse.bottleneck import rank

SIZE, SLOW = 120, 114
AFTER = np.arange(SIZE) >= SLOW
INDEX = pd.date_range("2026-03-02", periods=SIZE, freq="h", tz="UTC")
START = INDEX[SLOW]


def about(rng, level, spread=0.1):
    return level * np.exp(rng.normal(0, spread, SIZE))


def fleet(seed, slower=None):
    """Six servers on a host, each with four tools; `slower` are the factors by column since START."""
    rng = np.random.default_rng(seed)
    columns = {}
    for number in range(6):
        server = f"s{number}"
        level = rng.lognormal(4, 0.7)
        columns[f"{server}|latency_p95"] = about(rng, 2 * level)
        columns[f"{server}|latency"] = about(rng, level)
        columns[f"{server}|calls"] = rng.poisson(100, SIZE).astype(float)
        for tool in "abcd":
            columns[f"{server}/{tool}|latency_p95"] = about(rng, 2 * level)
    columns["host|cpu"] = np.clip(rng.normal(30, 5, SIZE), 0, 100)
    columns["host|iowait"] = np.abs(rng.normal(2, 1, SIZE))
    columns["host|swap_in"] = np.zeros(SIZE)
    for column, values in columns.items():
        entity, _, metric = column.rpartition("|")
        if "latency" in metric and entity in (slower or {}):
            columns[column] = np.where(AFTER, values * slower[entity], values)
    whole = pd.DataFrame(columns, index=INDEX)
    whole["fleet|latency_p95"] = whole[[f"s{n}|latency_p95" for n in range(6)]].mean(axis=1)
    return whole


def entities(suspects):
    return [suspect.entity for suspect in suspects]


def test_nothing_changed():
    assert rank(fleet(1), START, "fleet|latency_p95") == []


def test_too_little_before_or_nothing_after():
    whole = fleet(2, {"s1": 4})
    assert rank(whole, INDEX[2], "fleet|latency_p95") == []
    assert rank(whole, INDEX[-1] + pd.Timedelta(hours=1), "fleet|latency_p95") == []
    assert rank(whole.iloc[:0], START, "fleet|latency_p95") == []


@pytest.mark.parametrize(("metric", "value"), [("cpu", 97.0), ("iowait", 40.0), ("swap_in", 12.0)])
def test_a_saturated_host_comes_first(metric, value):
    whole = fleet(3, {f"s{n}": 1.5 + n / 10 for n in range(6)})
    whole.loc[AFTER, f"host|{metric}"] = value
    found = rank(whole, START, "fleet|latency_p95")
    assert found[0].entity == "host"
    assert metric.replace("_", " ") in found[0].evidence
    assert "6 of 6 servers slower" in found[0].evidence


def test_a_host_that_is_always_busy_is_not_the_cause():
    whole = fleet(4, {"s2": 5, "s2/a": 5, "s2/b": 5, "s2/c": 5, "s2/d": 5})
    whole["host|cpu"] = np.random.default_rng(4).normal(93, 2, SIZE)
    assert rank(whole, START, "fleet|latency_p95")[0].entity == "s2"


def test_the_server_that_costs_most_seconds_comes_first():
    whole = fleet(5, {"s1": 3, "s4": 3})
    for server in ("s1", "s4"):
        whole[f"{server}|latency"] = np.where(AFTER, 300.0, 100.0) * np.exp(
            np.random.default_rng(5).normal(0, 0.05, SIZE)
        )
        whole[f"{server}|latency_p95"] = whole[f"{server}|latency"]
    whole["s4|calls"] = 900.0
    found = rank(whole, START, "fleet|latency_p95")
    assert entities(found)[:2] == ["s4", "s1"]
    assert found[0].evidence.replace("\u00a0", " ") == "latency 99 ms → 298 ms (× 3, 41 sigma)"


def test_one_slow_tool_stands_before_its_server():
    whole = fleet(6, {"s3/c": 8, "s3": 2.5})
    found = rank(whole, START, "fleet|latency_p95")
    assert entities(found)[:2] == ["s3/c", "s3"]
    assert "siblings" in found[0].evidence


def test_all_tools_slow_is_the_server():
    whole = fleet(7, {"s3": 4, "s3/a": 4, "s3/b": 4.2, "s3/c": 3.9, "s3/d": 4})
    assert rank(whole, START, "s3|latency_p95")[0].entity == "s3"


def chain(seed, added):
    """front calls shop, shop calls stock and pay, stock calls the database; `added` ms arise at each since START."""
    rng = np.random.default_rng(seed)
    calls = {"front": ["shop"], "shop": ["stock", "pay"], "stock": ["db"]}
    columns, inclusive = {}, {}
    for name in ("db", "pay", "stock", "shop", "front"):
        own = about(rng, 20) + np.where(AFTER, added.get(name, 0.0), 0.0)
        inclusive[name] = own + sum(inclusive[called] for called in calls.get(name, ()))
        columns[f"{name}|latency"] = inclusive[name]
        columns[f"{name}|calls"] = rng.poisson(500, SIZE).astype(float)
        columns[f"{name}|availability"] = 100 * (1 - rng.binomial(500, 0.002, SIZE) / 500)
    columns["aside|latency"] = about(rng, 5) * np.where(AFTER, 3, 1)  # slower too, and nobody of them calls it
    columns["aside|calls"] = about(rng, 500)
    return pd.DataFrame(columns, index=INDEX), calls


@pytest.mark.parametrize("cause", ["db", "pay", "stock", "shop", "front"])
def test_blame_moves_from_caller_to_called(cause):
    whole, graph = chain(8, {cause: 150.0})
    found = rank(whole, START, "front|latency", graph)
    assert found[0].entity == cause
    assert sum(suspect.score for suspect in found) == pytest.approx(1)


def test_what_the_symptom_cannot_reach_is_hardly_a_suspect():
    whole, graph = chain(9, {"stock": 60.0})
    found = {suspect.entity: suspect.score for suspect in rank(whole, START, "front|latency", graph)}
    assert found.get("aside", 0) < 0.1 * found["stock"]


def test_failures_are_followed_as_latency_is():
    whole, graph = chain(10, {})
    for name, lost in (("db", 30.0), ("stock", 29.0), ("shop", 27.0), ("front", 26.0)):
        whole.loc[AFTER, f"{name}|availability"] -= lost
    found = rank(whole, START, "front|availability", graph)
    assert found[0].entity == "db"
    assert "failures" in found[0].evidence
    shares = whole.copy()
    shares[[c for c in shares if c.endswith("availability")]] /= 100
    assert entities(rank(shares, START, "front|availability", graph)) == entities(found)


def test_without_a_graph_the_one_that_slowed_most_for_its_kind():
    whole, _ = chain(11, {"db": 150.0})
    assert rank(whole.drop(columns=["aside|latency", "aside|calls"]), START, "front|latency")[0].entity == "db"


def test_calls_in_a_circle_end():
    whole, graph = chain(12, {"db": 150.0})
    found = rank(whole, START, "front|latency", graph | {"db": ["front"]})
    assert "db" in entities(found)[:3]


def test_addresses_with_a_slash_are_no_tools():
    whole, _ = chain(13, {"db": 150.0})
    whole.columns = [
        name.replace("db|", "https://queue.example/db|").replace("pay|", "pay/prod|") for name in whole.columns
    ]
    graph = {"front": ["shop"], "shop": ["stock", "pay/prod"], "stock": ["https://queue.example/db"]}
    assert rank(whole, START, "front|latency", graph)[0].entity == "https://queue.example/db"


def test_holes_and_sparse_columns_do_no_harm():
    whole, graph = chain(14, {"stock": 150.0})
    holes = whole.mask(np.random.default_rng(14).random(whole.shape) < 0.3)
    holes["never|latency"] = np.nan
    holes["late|latency"] = np.where(AFTER, 50.0, np.nan)
    assert rank(holes, START, "front|latency", graph)[0].entity == "stock"


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), order=st.randoms(use_true_random=False))
def test_the_order_of_columns_and_rows_does_not_matter(seed, order):
    whole, graph = chain(seed, {"stock": 100.0})
    columns = list(whole.columns)
    order.shuffle(columns)
    shuffled = whole[columns].sample(frac=1, random_state=seed)
    plain, other = rank(whole, START, "front|latency", graph), rank(shuffled, START, "front|latency", graph)
    assert entities(plain) == entities(other)
    assert [s.score for s in plain] == pytest.approx([s.score for s in other])


def test_times_without_a_zone():
    whole, graph = chain(15, {"pay": 100.0})
    naive = whole.set_axis(whole.index.tz_localize(None))
    assert rank(naive, START, "front|latency", graph) == rank(whole, START.tz_localize(None), "front|latency", graph)


def test_causes_are_found_in_nine_of_ten_random_call_graphs():
    rng = np.random.default_rng(20_261_122)
    first = among_three = 0
    for _ in range(30):
        size = int(rng.integers(6, 20))
        names = [f"n{k}" for k in range(size)]
        graph: dict[str, list[str]] = {name: [] for name in names}
        for k in range(1, size):
            graph[names[int(rng.integers(k))]].append(names[k])
        cause = names[int(rng.integers(1, size))]
        latency: dict[str, np.ndarray] = {}
        for name in reversed(names):
            own = about(rng, rng.lognormal(2.5, 0.8), 0.2)
            own = own + np.where(AFTER, rng.uniform(100, 300), 0) if name == cause else own
            latency[name] = own + sum(latency[called] for called in graph[name])
        whole = pd.DataFrame({f"{name}|latency": values for name, values in latency.items()}, index=INDEX)
        found = entities(rank(whole, START, "n0|latency", graph))
        first += found[0] == cause
        among_three += cause in found[:3]
    assert first >= 26
    assert among_three >= 28


def test_a_target_that_is_not_there_is_told():
    whole, graph = chain(16, {"db": 150.0})
    with pytest.raises(ValueError, match=r"'front\|latency_p95' is no column"):
        rank(whole, START, "front|latency_p95", graph)
    with pytest.raises(TypeError, match="DatetimeIndex"):
        rank(whole.reset_index(drop=True), START, "front|latency", graph)


@pytest.mark.parametrize("before", [3, 4, 8])
def test_few_rows_before(before):
    whole, graph = chain(17, {"stock": 200.0})
    assert rank(whole.iloc[SLOW - before :], START, "front|latency", graph)[0].entity == "stock"


@pytest.mark.parametrize("at", [INDEX[0], INDEX[-1]])
def test_a_start_at_the_edge(at):
    whole, graph = chain(18, {"stock": 200.0})
    found = rank(whole, at, "front|latency", graph)
    assert found == [] if at == INDEX[0] else found[0].entity == "stock"


def test_columns_that_say_nothing_and_callers_nobody_measures():
    whole, graph = chain(19, {"pay": 200.0})
    plain = rank(whole, START, "front|latency", graph)
    whole["still|latency"] = 5.0
    whole["gone|latency"] = np.nan
    whole["no entity"] = 1.0
    whole["odd || name/with: all|latency"] = about(np.random.default_rng(19), 10)
    found = rank(whole, START, "front|latency", graph | {"unknown": ["pay", "nobody"], "still": ["unknown"]})
    assert entities(found)[0] == entities(plain)[0] == "pay"


def test_an_address_beside_the_service_is_not_the_cause():
    """Traces show a service twice: as itself, and as the address under which its caller knows it."""
    whole, graph = chain(20, {"db": 200.0})
    rng = np.random.default_rng(20)
    for metric in ("latency", "calls", "availability"):
        whole[f"stock.example_remote|{metric}"] = whole[f"stock|{metric}"] * np.exp(rng.normal(0, 0.002, SIZE))
    found = rank(whole, START, "front|latency", graph | {"shop": ["stock", "pay", "stock.example_remote"]})
    assert found[0].entity == "db"
    assert {suspect.entity: suspect.score for suspect in found}.get("stock.example_remote", 0) < 0.2


def test_failures_without_a_graph_are_nearest_to_where_most_calls_fail():
    whole, _ = chain(21, {})
    for name, lost in (("db", 60.0), ("stock", 30.0), ("shop", 12.0), ("front", 11.0)):
        whole.loc[AFTER, f"{name}|availability"] -= lost
    assert rank(whole, START, "front|availability")[0].entity == "db"


def test_one_failed_call_in_a_hundred_is_chance():
    whole, graph = chain(22, {"stock": 40.0})
    whole["pay|error_rate"] = np.where(AFTER, 0.01, 0.0)
    whole["pay|calls"] = 100.0
    found = rank(whole, START, "front|latency", graph)
    assert found[0].entity == "stock"
    assert not any("failures" in suspect.evidence for suspect in found if suspect.entity == "pay")


def test_a_slow_tool_that_its_server_hardly_shows():
    whole = fleet(23, {"s3/c": 8})
    assert rank(whole, START, "fleet|latency_p95")[0].entity == "s3/c"


def test_a_service_with_processor_alone_is_no_host():
    """Where services have a processor each, one whose latency nobody measures is a service too."""
    whole, graph = chain(24, {"stock": 200.0})
    rng = np.random.default_rng(24)
    for name in ("front", "stock", "queue"):
        whole[f"{name}|cpu"] = np.where(AFTER & (name == "queue"), 97, 20) + rng.normal(0, 1, SIZE)
    assert rank(whole, START, "front|latency", graph)[0].entity == "stock"


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), factor=st.sampled_from([1e-3, 8.0, 1e4]))
def test_the_unit_of_latency_does_not_change_the_order(seed, factor):
    whole, graph = chain(seed, {"stock": 150.0})
    other = whole.copy()
    latencies = [name for name in whole if name.endswith("|latency")]
    other[latencies] *= factor
    assert entities(rank(whole, START, "front|latency", graph)) == entities(rank(other, START, "front|latency", graph))
