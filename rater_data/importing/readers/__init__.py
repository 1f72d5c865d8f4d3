"""Readers of files and datasets: JSON, CSV, plain text, workbooks, Parquet, folders, the hub. Each yields rows.

May import: rater_data, rater_data.exporting.formats.
"""
