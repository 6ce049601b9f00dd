"""Files to tables of readings: one grammar of times, numbers, names and missing values for every door."""
