"""OPC UA: readings from a server's nodes, by subscription or by reading in bulk."""
