"""A released generator behind HTTP: windows as Parquet or JSON lines, limits, health, metrics, a page to look at."""
