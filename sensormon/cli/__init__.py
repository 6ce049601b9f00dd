"""The commands behind `python -m sensormon`."""
