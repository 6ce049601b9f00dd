"""sensormon: collects a plant's readings, checks, scores, stores and shows them.

Start at `monitor/assembly` for how the parts are put together, at `model/readings` for
what flows through them, and at `model/errors` for what can go wrong.
"""

__version__ = "0.1.0"
