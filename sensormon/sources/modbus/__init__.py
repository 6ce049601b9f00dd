"""Modbus TCP: registers and coils of the devices behind one address, polled in step with the clock."""
