"""What the report calls the items of a dataset: images or, for embeddings, vectors."""

import re

import pandas as pd

from l2h import paths
from l2h.report.differences import EXTERNAL


def noun(rows: pd.DataFrame) -> str:
    """The word for what these rows rank: "images", "vectors" or, for both or for external codes alone, "items"."""
    embedded = {backbone == paths.EMBEDDINGS for backbone in rows["backbone"] if backbone != EXTERNAL}
    return {(True,): "vectors", (False,): "images"}.get(tuple(embedded), "items")


def speak_of(text: str, noun: str) -> str:
    """Replace "image" and "images" in the report's own text, which is written for images, with another noun.

    Examples
    --------
    >>> from l2h.report.nouns import speak_of
    >>> speak_of("mAP, unseen images", "vectors")
    'mAP, unseen vectors'
    """
    return re.sub(r"\bimage(s?)\b", lambda match: noun[: len(noun) - 1] + match[1], text)
