"""What a reward head's report may hold: made up, for those who only show it or pass it on."""

from typing import Any

HEAD_REPORT: dict[str, Any] = {
    "pearson": 0.45,
    "p_value": 0.004,
    "spearman": 0.41,
    "spearman_ci": [0.2, 0.58],
    "pair_accuracy": 0.64,
    "pair_ci": [0.55, 0.72],
    "length_pair_accuracy": 0.52,
    "length_ci": [0.44, 0.6],
    "favourite_gain": 0.83,
    "favourite_ci": [0.4, 1.21],
    "calibration": 0.9,
    "calibration_ci": [0.5, 1.3],
    "ceiling": {"spearman": 0.62, "pair_accuracy": 0.7, "n": 22},
    "curve": [],
    "advice": [],
    "responses": 36,
    "prompts": 12,
    "passed": True,
    "reason": "The head agrees with people.",
}
