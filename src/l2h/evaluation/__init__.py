"""Evaluation: metrics of a cell, intervals and tests, power, common evaluation bugs, costs."""
