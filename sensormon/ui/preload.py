"""What the first visitor of a server would otherwise wait for: a second of one processor."""

from __future__ import annotations

import importlib
import inspect
from pkgutil import iter_modules

from PIL import Image

import sensormon.ui
from sensormon.api import assets
from sensormon.model import garbage


def preload() -> None:
    """Import the parts of every page and compress the assets; meant for a thread beside the collector."""
    for module in iter_modules(sensormon.ui.__path__, "sensormon.ui."):
        importlib.import_module(module.name)
    Image.preinit()  # for the icon of the page
    inspect.stack()  # Streamlit asks once who runs it; Python then looks for the file of every module
    assets.compress_all()
    garbage.look_seldom()  # all of this stays, too: see app.py
