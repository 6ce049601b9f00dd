"""The bus: readings that devices publish to NATS JetStream, taken by any number of workers."""
