"""The paper's experiment from end to end: runs, tables, plots, report. Knows nothing of serving."""
