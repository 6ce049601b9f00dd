"""Readings from InfluxDB 1.x, by a query in InfluxQL that is asked for one stretch of time after another.

kind      what sources.toml says of it
server    requests, and answers as they come
points    answers as readings
source    reads, for ever
explorer  what a page asks
"""
