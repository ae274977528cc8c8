"""The checks of a plug-in's class."""

import pytest

from l2h import hashing, plugins
from l2h.errors import L2HError

FIT = "    def fit(self, X, y=None):\n        return self\n"
MAKE = "    def __init__(self, bits=8, *, k=3, random_state=None):\n"
STORE = "        self.bits, self.k, self.random_state = bits, k, random_state\n"


@pytest.mark.parametrize(
    ("head", "body", "words"),
    [
        ("class Mine:", FIT, "the class Mine must be a subclass of LinearHasher or Hasher of l2h.hashing.base, or"),
        ("class Mine(BaseEstimator):", FIT, "the class Mine must be a subclass of LinearHasher or Hasher of"),
        ("class Mine(Hasher):", FIT, "the class Mine lacks decision_function, learned, which its base class requires"),
        ("class Mine(LinearHasher):", MAKE + STORE, "the class Mine lacks fit, which"),
        (
            "class Mine(LinearHasher):",
            MAKE + STORE + FIT.replace(", y=None", ""),
            "the class Mine must have `fit(self, X, y=None)`, but has `fit(self, X)`",
        ),
        (
            "class Mine(LinearHasher):",
            FIT + MAKE.replace(", random_state=None", "") + "        self.bits, self.k = bits, k\n",
            "its __init__ must take `bits` and `random_state`, but takes bits, k",
        ),
        (
            "class Mine(LinearHasher):",
            FIT + MAKE + STORE.replace("self.k,", "self.width,"),
            "the class Mine must store its parameter unchanged: `self.k = k` in __init__",
        ),
        (
            "class Mine(LinearHasher):",
            FIT + MAKE + STORE + "        self.double = 2 * k\n",
            "the class Mine must only store its parameters, unchanged, in __init__: unsupported operand",
        ),
    ],
)
def test_a_plug_in_s_class_is_checked_when_it_registers(head, body, words, tmp_path):
    plugin = tmp_path / "mine.py"
    imports = "from sklearn.base import BaseEstimator\nfrom l2h import hashing\n"
    imports += "from l2h.hashing.base import Hasher, LinearHasher\n\n"
    plugin.write_text(f"{imports}@hashing.register('mine')\n{head}\n{body}")
    with pytest.raises(L2HError) as caught:
        plugins.load([str(plugin)])
    assert str(caught.value).startswith(f"plug-in {plugin}: mine: {words}")
    assert "\n" not in str(caught.value)
    assert "mine" not in hashing.registry.names()
