"""Fashion-MNIST: 70,000 images of clothes in ten classes (Xiao, Rasul and Vollgraf, 2017)."""

from l2h.datasets.idx import IdxDataset, idx_files
from l2h.splits import Protocol


class FashionMnist(IdxDataset):
    """The 60,000 training images, then the 10,000 test images, 28 x 28 grey pixels.

    Debian's package `dataset-fashion-mnist` has the files: `dataset_mirror: /usr/share/datasets/fashion-mnist`.
    """

    protocols = {
        "fashion-mnist-1k": Protocol(query=100, train=500, per_class=True),
        "fashion-mnist-official": None,
    }
    classes = (
        "T-shirt/top",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    )
    licence = "MIT (Zalando SE), https://github.com/zalandoresearch/fashion-mnist"
    files = idx_files(
        "FashionMNIST/raw",
        (
            "https://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
        ),
        (
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    )
