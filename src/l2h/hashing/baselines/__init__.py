"""What hashing is compared with: exact search, product quantisation, the predicted class."""
