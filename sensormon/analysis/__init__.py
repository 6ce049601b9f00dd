"""Pure numbers on series: no clock, thread, store or page."""
