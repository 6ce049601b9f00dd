"""sensormon: a plant's readings collected, checked, scored, made durable and shown.

Start at `runtime` for how the parts are put together, at `readings` for what
flows through them, and at `errors` for what can go wrong.
"""

__version__ = "0.1.0"
