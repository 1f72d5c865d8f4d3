"""Result files of other trainers on the same work, and how they compare."""

import json
from pathlib import Path
from typing import Any

from rater_data.errors import BadInput, Missing


def read_peer(path: Path) -> dict[str, Any]:
    """A peer's result file. Raises Missing or BadInput."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not {"median", "peak_rss_mib"} <= found.keys() or "TOTAL" not in found["median"]:
            raise ValueError("it lacks median.TOTAL or peak_rss_mib")
    except OSError as error:
        raise Missing(f"The peer's file {path} cannot be read: {error.strerror}.") from error
    except (ValueError, AttributeError, TypeError) as error:
        raise BadInput(f"{path} is no result of a peer's benchmark: {error}.") from error
    return found


def compare_with_peer(ours: dict[str, Any], peer: dict[str, Any]) -> dict[str, float]:
    """How many times faster than a peer's result file (wall clock), and the share of its peak memory."""
    median = peer["median"]
    wall = float(median.get("WALL") or median["TOTAL"])
    return {
        "peer_seconds": wall,
        "times_faster": wall / ours["seconds_per_step"],
        "share_of_memory": ours["peak_rss_mib"] / float(peer["peak_rss_mib"]),
    }
