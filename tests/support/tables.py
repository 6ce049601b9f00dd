"""Frames as exported files."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from sensormon.exchange.table_writer import table_file


def frame_file(frame: pd.DataFrame, form: str, zone_name: str) -> bytes:
    """All columns of this frame as a file; see `table_file`."""
    return table_file(pa.Table.from_pandas(frame, preserve_index=False), form, zone_name)
