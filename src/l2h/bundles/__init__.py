"""A data set's features, splits and trained models in one archive, with the hash of each file.

`release` writes one, `unpack` verifies one and lays it out, `matching` says whether it holds what a config asks for.
What comes out of an archive is data from strangers: it is checked before it is used, and nothing in it is run.
"""
