"""What the rows of a file mean: one module per layout, and `table`, which lists the layouts.

May import: rater_data, rater_data.exporting.formats, rater_data.importing.cells, rater_data.importing.readers.
"""
