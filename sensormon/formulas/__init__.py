"""Calculated tags: expressions over tags, checked and evaluated.

    tokens      text into tokens
    tree        what a formula consists of, and its text again
    parser      tokens into a tree
    units       units of measurement, multiplied and compared
    functions   the functions by name
    checking    a tree against a tag table: kinds, units, how far it looks back
    windows     rolling figures that do not depend on where they start
    evaluating  a checked formula over readings
    order       the formulas of a tag table: circles, and which is evaluated first

The result at a time depends on readings up to that time alone, never on when it is evaluated. What it is
not: a reader or writer of readings, or Python: nothing here runs text as code.
"""
