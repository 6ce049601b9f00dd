"""What this program measures and finds, for others: published to an MQTT broker, served by OPC UA."""
