"""MQTT 3.1.1 and 5: a session with a broker, and the source that reads numbers, words and JSON."""
