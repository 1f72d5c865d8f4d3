"""Readers of files and datasets: JSON lines, CSV, plain text, Parquet, folders, the hub. Each yields rows.

May import: rater_data, rater_data.exporting.formats.
"""
