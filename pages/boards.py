"""Boards: tiles of one's own on a grid, to look at, to edit, and for a wall screen."""

from sensormon.monitor.runtime import monitor
from sensormon.ui.boards import show_boards
from sensormon.ui.page import page

with page("Boards") as me:
    show_boards(monitor(), me)
