"""Values as JSON can hold them."""

import math
from typing import Any


def to_json_value(value: Any) -> Any:
    """The value as JSON can hold it: numbers that are not finite become null, numpy scalars plain numbers."""
    if isinstance(value, dict):
        return {str(k): to_json_value(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [to_json_value(v) for v in value]
    if hasattr(value, "item") and not isinstance(value, str | int | float | bool):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
