"""Analysis of runs: the table, comparisons, statistics, costs, predicted times, receipts and exported files."""
