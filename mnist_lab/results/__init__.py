"""What runs say together: the table, comparisons, verdicts, costs, predictions."""
