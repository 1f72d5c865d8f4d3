"""How long the server takes for its routes, as a histogram."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram, disable_created_metrics
from starlette.types import Scope

disable_created_metrics()  # when a label was first seen: a series more for each, which nobody draws

# Seconds. What raters wait for is said to stay below 30 ms; beyond ten seconds a browser has given up.
BUCKETS = (0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class RequestTimes:
    """Seconds from a request's arrival to the head of its answer, by route, method and status.

    A route is named by its pattern ("/api/exports/{secret}"), so that no secret gets in and the labels stay few.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._histogram = Histogram(
            "rateloop_request_seconds",
            "Seconds from a request's arrival to the head of its answer.",
            ("route", "method", "status"),
            buckets=BUCKETS,
            registry=registry,
        )
        # by labels: looking them up anew would take longer than the counting
        self._children: dict[tuple[str, str, int], Histogram] = {}

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST") else "other"
        key = (route, method, status)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._histogram.labels(*map(str, key))
        child.observe(seconds)
