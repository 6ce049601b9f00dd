"""Sparkplug B: edge nodes and their devices behind an MQTT broker, with births and deaths."""
