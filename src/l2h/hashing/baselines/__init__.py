"""Baselines for hashing: exact search, product quantisation, the predicted class."""
