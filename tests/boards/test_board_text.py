"""A board as text: what is written can be read again, and nothing else."""

from __future__ import annotations

import pytest

from sensormon.boards.board import Board, Tile, TileKind
from sensormon.boards.board_text import board_of, board_text, content_of, read_board
from sensormon.model.errors import UsageError

BOARD = Board(
    "fermenter",
    'Fermenter "A" \\ é',
    (
        Tile(TileKind.CHART, 0, 0, 6, 4, "", ("fermenter_temp", "a.b/c:d"), 86_400.0),
        Tile(TileKind.EVENTS, 6, 0, 6, 4, "Wrong", (), 90.5),
        Tile(TileKind.TEXT, 0, 4, 4, 2, text='# Call\n\n"""quotes""" and \\ and\ttabs'),
        Tile(TileKind.TEXT, 4, 4, 4, 2, text="\nfirst line empty\n"),
    ),
)
HEAD = 'sensormon = "board"\nversion = 1\nname = "b"\ntitle = "B"\n'
TILE = '[[tile]]\nkind = "value"\ncolumn = 0\nrow = 0\nwidth = 3\nheight = 2\ntags = ["t"]\n'


def test_board_is_read_as_it_was_written() -> None:
    assert read_board(board_text(BOARD)) == BOARD
    assert board_of(content_of(BOARD)) == BOARD
    assert read_board(board_text(Board("b", "B"))) == Board("b", "B")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense", "not TOML"),
        ("a = 1", "not the text of a board"),
        (HEAD.replace("version = 1", "version = 2"), "version 1 is the only one"),
        (HEAD + "colour = 1", "the key 'colour' is not known"),
        (HEAD + TILE.replace("value", "clock"), "use chart, value, state, events, text"),
        (HEAD + TILE.replace("column = 0", "column = 12"), "column: a whole number from 0 to 11"),
        (HEAD + TILE.replace("column = 0", "column = true"), "column: a whole number"),
        (HEAD + TILE + "span = 5", "a number of seconds from 60"),
        (HEAD + TILE + 'text = "x"', "the key 'text' is not known"),
        (HEAD + TILE + 'who = "x"', "tile 1: the key 'who' is not known"),
        (HEAD + TILE * 61, "61 tiles are more than 60"),
        (HEAD + TILE.replace('["t"]', "[" + ",".join(f'"t{i}"' for i in range(41)) + "]"), "more than 40"),
        (HEAD + "tile = [1]", "tile 1: a table is needed"),
        (HEAD + "#" * 400_000, "more than 400,000 characters"),
        (HEAD + "a" + ".a" * 50_000 + " = 1", "parts"),
    ],
)
def test_text_that_is_no_board_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_board(text)
