"""A dataset's features, splits and trained models in one archive, with the sha256 of each file.

`release` writes a bundle, `unpack` verifies and extracts it, `matching` checks whether it holds what a config needs. An
archive is untrusted: its content is checked before use, and nothing in it is executed.
"""
