"""What a run measures: metrics of a cell, intervals and tests, power, common bugs of evaluation, costs."""
