"""Readings from a table of a database, by a query with a cursor.

kind         what sources.toml says of it
cursors      values of the cursor: kept, bound, compared
columns      which columns of the result are what
values, times  cells of a column as numbers, words and µs UTC
rows         rows as readings
progress     how far it has read, and which rows are new
database     what is needed of a database; postgresql and alchemy are the two ways to one
source       reads, for ever
explorer     what a page asks
"""
