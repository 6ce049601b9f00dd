"""sensormon: collects a plant's readings, checks, scores, stores and shows them.

Start at `monitor/assembly` for how the parts are put together, at `model/readings` for
what flows through them, and at `model/errors` for what can go wrong.
"""

import os

# Arrow reads this once, when it is imported. Its own allocator keeps what each thread has freed: a hundred
# answers of 1,000 readings left 50 MB, and the next hundred as much again; the C library's gives it back.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

__version__ = "0.1.0"
