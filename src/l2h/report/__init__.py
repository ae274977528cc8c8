"""What a run ends in: the comparison table, the report, a summary for the terminal."""
