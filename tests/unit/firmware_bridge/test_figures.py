"""Figures with labels, and how long things took, in Prometheus's text format."""

from __future__ import annotations

from firmware_bridge.figures import Figure, Histogram, expose


def test_series_of_one_name_are_said_once_and_their_labels_are_escaped() -> None:
    figures = [
        Figure("jobs", "Jobs.", 2, labels={"job": 'a"b\\c\nd', "is": "x"}),
        Figure("jobs", "Jobs.", 3, labels={"job": "other", "is": "x"}),
        Figure("rest", "Rest.", None, labels={"job": "other"}),
    ]
    assert expose(figures, "p") == (
        "# HELP p_jobs Jobs.\n# TYPE p_jobs gauge\n"
        'p_jobs{job="a\\"b\\\\c\\nd",is="x"} 2\np_jobs{job="other",is="x"} 3\n'
    )


def test_a_histogram_counts_what_each_bound_is_enough_for() -> None:
    times = Histogram("wait_seconds", "Waits.", (1.0, 2.5), ("lane",))
    for value in (0.5, 1.0, 2.0, 9.0):
        times.observe(value, "a")
    assert expose([times], "p").splitlines() == [
        "# HELP p_wait_seconds Waits.",
        "# TYPE p_wait_seconds histogram",
        'p_wait_seconds_bucket{lane="a",le="1"} 2',
        'p_wait_seconds_bucket{lane="a",le="2.5"} 3',
        'p_wait_seconds_bucket{lane="a",le="+Inf"} 4',
        'p_wait_seconds_sum{lane="a"} 12.5',
        'p_wait_seconds_count{lane="a"} 4',
    ]


def test_one_without_labels_is_there_before_anything_was_counted() -> None:
    assert 'p_wait_seconds_bucket{le="+Inf"} 0' in expose([Histogram("wait_seconds", "W.")], "p")
