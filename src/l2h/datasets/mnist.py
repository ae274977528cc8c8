"""MNIST: 70,000 handwritten digits (LeCun, Bottou, Bengio and Haffner, 1998)."""

from l2h.datasets.idx import IdxDataset, idx_files
from l2h.splits import Protocol


class Mnist(IdxDataset):
    """The 60,000 training images, then the 10,000 test images, 28 x 28 grey pixels."""

    protocols = {"mnist-1k": Protocol(query=100, train=500, per_class=True), "mnist-official": None}
    licence = "CC BY-SA 3.0 (Y. LeCun and C. Cortes) by https://keras.io/api/datasets/mnist; their own page states none"
    flips = False
    files = idx_files(
        "MNIST/raw",
        ("https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"),
        (
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    )
