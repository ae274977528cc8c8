"""Each loss, and Bi-half's gradient, against plain Python loops over the published formula."""

import math

import numpy as np
import pytest
import torch

from l2h import hashing
from l2h.errors import L2HError
from l2h.hashing.deep.bihalf import BiHalfLoss, bihalf_codes
from l2h.hashing.deep.dsh import DSHLoss
from l2h.hashing.deep.hashnet import HashNetLoss
from l2h.hashing.deep.sdc import quantiles
from l2h.hashing.deep.signs import signs, straight_through

BITS = 5


@pytest.fixture(params=["classes", "multi-label"])
def batch(request):
    """Outputs, features, rows and all labels; float64, so that a wrong formula cannot hide in rounding."""
    rng = np.random.default_rng(3)
    labels = np.eye(3)[rng.integers(0, 3, 12)] if request.param == "classes" else (rng.random((12, 6)) < 0.3) * 1.0
    outputs, features, rows = rng.normal(size=(7, BITS)), rng.normal(size=(7, 4)), rng.permutation(12)[:7]
    return torch.tensor(outputs), torch.tensor(features), torch.tensor(rows), torch.tensor(labels)


def shares(a, b):
    return any(x and y for x, y in zip(a.tolist(), b.tolist(), strict=True))


def dsh_pair(u, v, similar, margin):
    d = sum((a - b) ** 2 for a, b in zip(u.tolist(), v.tolist(), strict=True))
    return d / 2 if similar else max(margin - d, 0) / 2


def dsh_pull(outputs, alpha):
    return alpha * sum(abs(abs(u) - 1) for u in outputs.flatten().tolist()) / outputs.numel()


def test_dsh_against_the_bank(batch):
    outputs, features, rows, labels = batch
    loss = DSHLoss(labels, BITS, margin=2 * BITS, alpha=0.1, pairs="bank")
    bank = torch.zeros(len(labels), BITS, dtype=outputs.dtype)
    for shift in (0.0, 0.3):  # the second call sees the first one's outputs for rows that it does not touch
        rows, outputs = rows.roll(1), outputs + shift
        bank[rows] = outputs
        pairs = [
            dsh_pair(u, bank[j], shares(labels[i], labels[j]), 2 * BITS)
            for u, i in zip(outputs, rows, strict=True)
            for j in range(len(bank))
        ]
        expected = sum(pairs) / len(pairs) + dsh_pull(outputs, 0.1)
        assert loss(outputs, features, rows, 0).item() == pytest.approx(expected)


def test_dsh_inside_the_batch(batch):
    outputs, features, rows, labels = batch
    loss = DSHLoss(labels, BITS, margin=3.0, alpha=0.01, pairs="batch")
    pairs = [
        dsh_pair(outputs[a], outputs[b], shares(labels[rows[a]], labels[rows[b]]), 3.0)
        for a in range(7)
        for b in range(7)
        if a != b
    ]
    expected = sum(pairs) / len(pairs) + dsh_pull(outputs, 0.01)
    assert loss(outputs, features, rows, 0).item() == pytest.approx(expected)


@pytest.mark.parametrize("weighting", ["shared", "jaccard"])
@pytest.mark.parametrize("epoch", [0, 9])
def test_hashnet(batch, weighting, epoch):
    outputs, features, rows, labels = batch
    loss = HashNetLoss(labels, alpha=10 / BITS, step=3, weighting=weighting)
    beta = math.sqrt(1 + epoch // 3)
    kinds = {True: [], False: []}
    for a in range(7):
        for b in range(a + 1, 7):
            h, g = ([math.tanh(beta * u) for u in outputs[i].tolist()] for i in (a, b))
            z = 10 / BITS * sum(x * y for x, y in zip(h, g, strict=True))
            similar = shares(labels[rows[a]], labels[rows[b]])
            value = math.log(1 + math.exp(z)) - similar * z
            if similar and weighting == "jaccard":
                x, y = ({k for k, on in enumerate(labels[rows[i]].tolist()) if on} for i in (a, b))
                value *= len(x & y) / len(x | y)
            kinds[similar].append(value)
    expected = sum(sum(some) / len(some) for some in kinds.values())
    assert loss(outputs, features, rows, epoch).item() == pytest.approx(expected)


def test_hashnet_without_similar_pairs_is_finite():
    outputs = torch.randn(3, BITS, requires_grad=True)
    loss = HashNetLoss(torch.eye(3), alpha=2.0, step=3, weighting="shared")(outputs, outputs, torch.arange(3), 0)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(outputs.grad).all()


@pytest.mark.parametrize("n", [6, 7])
def test_bihalf_codes_split_each_bit_at_the_median(n):
    outputs = torch.randn(n, BITS, generator=torch.Generator().manual_seed(n))
    codes = bihalf_codes(outputs)
    for bit in range(BITS):
        column = outputs[:, bit].tolist()
        largest = sorted(range(n), key=lambda i: -column[i])[: n // 2]
        assert codes[:, bit].tolist() == [1 if i in largest else -1 for i in range(n)]


def test_bihalf_loss_and_gradient(batch):
    outputs, features, rows, _ = batch
    outputs.requires_grad_()
    loss = BiHalfLoss(gamma=6.0)(outputs, features, rows, 0)
    codes = bihalf_codes(outputs.detach())

    def cosine(x, y):
        return sum(a * b for a, b in zip(x, y, strict=True)) / math.sqrt(sum(a * a for a in x) * sum(b * b for b in y))

    half = len(outputs) // 2
    terms = [
        (
            cosine(codes[i].tolist(), codes[half + i].tolist())
            - cosine(features[i].tolist(), features[half + i].tolist())
        )
        for i in range(half)
    ]
    pull = 6.0 / 2 * ((outputs - codes) ** 2).mean().item()
    assert loss.item() == pytest.approx(sum(t * t for t in terms) / half + pull)

    # as published: the gradient with respect to the codes, plus gamma * (U - B) / numel
    leaf = codes.clone().requires_grad_()
    a, b = leaf[:half], leaf[half : 2 * half]
    similarity = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))
    wanted = torch.tensor([cosine(features[i].tolist(), features[half + i].tolist()) for i in range(half)])
    ((similarity - wanted) ** 2).mean().backward()
    loss.backward()
    expected = leaf.grad + 6.0 * (outputs.detach() - codes) / outputs.numel()
    assert torch.allclose(outputs.grad, expected, atol=1e-8)


def test_bihalf_brings_collapsed_bits_back_to_half_and_half():
    generator = torch.Generator().manual_seed(0)
    outputs = (torch.randn(40, BITS, generator=generator) + 4).requires_grad_()  # every bit of every image is 1
    features = torch.randn(40, 4, generator=generator)
    optimizer = torch.optim.Adam([outputs], lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        BiHalfLoss(gamma=6.0)(outputs, features, torch.arange(40), 0).backward()
        optimizer.step()
    assert ((outputs > 0).sum(dim=0) == 20).all()


def loss_of(name, labels, bits=BITS, **params):
    """A method's loss, drawing the same whenever it is made."""
    torch.manual_seed(0)
    return hashing.make(name, bits=bits, **params).loss(labels)


def value(loss, outputs, features=None, rows=None, epoch=0):
    rows = torch.arange(len(outputs)) if rows is None else rows
    return loss(torch.as_tensor(outputs, dtype=torch.float64), features, rows, epoch).item()


def softplus(z):
    return math.log1p(math.exp(-abs(z))) + max(z, 0)


def sign(x):
    return 1 if x > 0 else -1


def cosine(x, y):
    return sum(a * b for a, b in zip(x, y, strict=True)) / math.sqrt(sum(a * a for a in x) * sum(b * b for b in y))


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def labelled_rows(batch):
    """Outputs of a batch with the numbers of their labels, as plain lists, without those that have none."""
    outputs, _, rows, labels = batch
    found = [
        (u, [k for k, on in enumerate(labels[row].tolist()) if on])
        for u, row in zip(outputs.tolist(), rows, strict=True)
    ]
    return [(u, present) for u, present in found if present]


def test_signs_of_0_are_those_of_codes_and_the_gradient_passes():
    outputs = torch.tensor([-2.0, 0.0, 1e-30, 3.0], requires_grad=True)
    assert signs(outputs).tolist() == [-1, -1, 1, 1]
    codes = straight_through(outputs * 1.1)
    assert codes.tolist() == [-1, -1, 1, 1]
    (codes * torch.tensor([1.0, 2, 3, 4])).sum().backward()
    assert outputs.grad.tolist() == pytest.approx([1.1, 2.2, 3.3, 4.4])


@pytest.mark.parametrize("ties", ["ignore", "shared"])
def test_csq(batch, ties):
    outputs, features, rows, labels = batch
    loss = loss_of("csq", labels, ties=ties, alpha=0.3)
    assert set(loss.tied_bits.tolist()) <= ({0} if ties == "ignore" else {-1, 1})
    regression, pull = [], []
    for u, present in labelled_rows(batch):
        votes = [sum(loss.centres[k, bit].item() for k in present) for bit in range(BITS)]
        for bit, vote in enumerate(votes):
            target = sign(vote) if vote else loss.tied_bits[bit].item()
            regression.append(softplus(-2 * target * u[bit]) if target else 0)
            pull.append((abs(math.tanh(u[bit])) - 1) ** 2)
    assert value(loss, outputs, features, rows) == pytest.approx(mean(regression) + 0.3 * mean(pull))


def test_csq_by_hand():
    labels = torch.ones(1, 1, dtype=torch.float64)
    loss = loss_of("csq", labels, bits=2, alpha=1.0)
    loss.centres = torch.ones(1, 2, dtype=torch.float64)
    half = math.atanh(0.5)
    assert value(loss, [[0, 0]]) == pytest.approx(0.693147 + 1)
    assert value(loss, [[half, -half]]) == pytest.approx(0.836988 + 0.25, abs=1e-6)
    assert math.isfinite(value(loss, [[-1e4, 1e4]]))


@pytest.mark.parametrize("form", ["cos", "arc"])
def test_orthohash(batch, form):
    outputs, features, rows, labels = batch
    loss = loss_of("orthohash", labels, form=form, scale=5.0, margin=0.3, alpha=0.2)
    terms = []
    for u, present in labelled_rows(batch):
        logits = []
        for k, centre in enumerate(loss.centres.tolist()):
            c, margin = cosine(u, centre), 0.3 * (k in present)
            logits.append(5 * (math.cos(math.acos(c) + margin) if form == "arc" else c - margin))
        total = math.log(sum(math.exp(z) for z in logits))
        cross_entropy = mean(total - logits[k] for k in present)
        terms.append(cross_entropy + 0.2 * (1 - cosine(u, [sign(x) for x in u])))
    assert value(loss, outputs, features, rows) == pytest.approx(mean(terms))


@pytest.mark.parametrize(
    ("form", "margin", "u", "present", "expected"),
    [
        ("cos", 0.2, [1, 1], [1, 0], 0.00166018),
        ("cos", 0.3, [1, 1], [1, 0], 0.00369104),
        ("arc", 0.2, [1, 1], [1, 0], 0.000396218),
        ("cos", 0.2, [2, 0], [1, 0], 1.783901),
        ("cos", 0.2, [2, 0], [1, 1], math.log(2)),
    ],
)
def test_orthohash_by_hand(form, margin, u, present, expected):
    loss = loss_of("orthohash", torch.tensor([present], dtype=torch.float64), bits=2, form=form, margin=margin)
    loss.centres = torch.tensor([[1.0, 1], [1, -1]], dtype=torch.float64)
    assert value(loss, [u]) == pytest.approx(expected, rel=1e-2 if form == "arc" else 1e-5)  # arccos is cut at 1 - 1e-5
    assert value(loss, [[30 * x for x in u]]) == pytest.approx(value(loss, [u]))


@pytest.mark.parametrize("probability", ["softmax", "sigmoid"])
def test_greedyhash(batch, probability):
    outputs, features, rows, labels = batch
    loss = loss_of("greedyhash", labels, probability=probability, alpha=0.3)
    terms = []
    for u, present in labelled_rows(batch):
        logits = [sum(v * sign(x) for v, x in zip(row, u, strict=True)) for row in loss.classifier.tolist()]
        if probability == "softmax":
            total = math.log(sum(math.exp(z) for z in logits))
            entropy = mean(total - logits[k] for k in present)
        else:
            entropy = mean(softplus(z) - z * (k in present) for k, z in enumerate(logits))
        terms.append(entropy + 0.3 * mean(abs(abs(x) - 1) ** 3 for x in u))
    assert value(loss, outputs, features, rows) == pytest.approx(mean(terms))


def test_greedyhash_by_hand():
    """The cross-entropy's gradient passes the sign; the classifier has one too."""
    loss = loss_of("greedyhash", torch.tensor([[1.0, 0.0]], dtype=torch.float64), bits=2, alpha=0.1)
    with torch.no_grad():
        loss.classifier.copy_(torch.eye(2))
    outputs = torch.tensor([[0.5, -0.5]], dtype=torch.float64, requires_grad=True)
    found = loss(outputs, None, torch.tensor([0]), 0)
    found.backward()
    assert found.item() == pytest.approx(0.126928 + 0.1 * 0.125, abs=1e-6)
    assert outputs.grad.tolist()[0] == pytest.approx([-0.119203 - 0.0375, 0.119203 + 0.0375], abs=1e-6)
    assert loss.classifier.grad.flatten().tolist() == pytest.approx(
        [-0.119203, 0.119203, 0.119203, -0.119203], abs=1e-6
    )


def test_dpn(batch):
    outputs, features, rows, labels = batch
    loss = loss_of("dpn", labels, margin=0.7)
    centres = loss.centres.tolist()
    terms = [
        sum(max(0.7 - x * t, 0) for k in present for x, t in zip(u, centres[k], strict=True))
        for u, present in labelled_rows(batch)
    ]
    assert value(loss, outputs, features, rows) == pytest.approx(mean(terms))


def test_dpn_by_hand():
    loss = loss_of("dpn", torch.ones(1, 1, dtype=torch.float64), bits=2)
    loss.centres = torch.ones(1, 2, dtype=torch.float64)
    assert [value(loss, [u]) for u in ([0.5, -2], [0, 0], [0.75, 0.75], [2, 2])] == pytest.approx([3.5, 2, 0.5, 0])


PULLS = {
    "dpsh": lambda u: (u - sign(u)) ** 2,
    "dhn": lambda u: math.log(math.cosh(abs(u) - 1)),
}


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("pairs", ["batch", "bank", "zero_bank"])
@pytest.mark.parametrize("name", PULLS)
def test_pairwise_likelihood(batch, name, pairs, balanced):
    outputs, features, rows, labels = batch
    loss = loss_of(name, labels, pairs=pairs, balanced=balanced, alpha=0.3)
    bank = {j: [0.0] * BITS for j in range(len(labels))} if pairs == "zero_bank" else {}
    for shift in (0.0, 0.3):  # the second call sees the first one's outputs for rows that it does not touch
        rows, outputs = rows[1:].roll(1), outputs[1:] + shift
        seen = dict(zip(rows.tolist(), outputs.tolist(), strict=True))
        bank = seen if pairs == "batch" else {**bank, **seen}
        kinds = {True: [], False: []}
        for i, u in seen.items():
            for j, v in bank.items():
                if i != j or pairs == "zero_bank":
                    theta = sum(a * b for a, b in zip(u, v, strict=True)) / 2
                    similar = shares(labels[i], labels[j])
                    kinds[similar].append(softplus(theta) - similar * theta)
        likelihood = sum(map(mean, filter(None, kinds.values()))) if balanced else mean(kinds[True] + kinds[False])
        expected = likelihood + 0.3 * mean(PULLS[name](x) for u in seen.values() for x in u)
        assert value(loss, outputs, features, rows) == pytest.approx(expected)


def test_likelihood_by_hand():
    same, different = torch.ones(2, 1, dtype=torch.float64), torch.eye(2, dtype=torch.float64)
    ones = [[1, 1], [1, 1]]  # no pull, and theta = 1
    assert value(loss_of("dpsh", same, bits=2, pairs="batch"), ones) == pytest.approx(0.313262, abs=1e-6)
    assert value(loss_of("dpsh", different, bits=2, pairs="batch"), ones) == pytest.approx(1.313262, abs=1e-6)
    assert value(loss_of("dhn", same, bits=2, alpha=0.0), [[2, 0], [2, 0]]) == pytest.approx(0.126928, abs=1e-6)
    unseen = loss_of("dpsh", torch.ones(101, 1, dtype=torch.float64), bits=2, pairs="zero_bank", alpha=0.0)
    expected = (100 * math.log(2) + 0.313262) / 101
    assert value(unseen, [[1, 1]], rows=torch.tensor([0])) == pytest.approx(expected, abs=1e-6)
    for outputs, pull in (([[0.5, -0.5]] * 2, 0.120115), ([[0, 0]] * 2, 0.433781)):
        with_pull, without = (value(loss_of("dhn", same, bits=2, alpha=alpha), outputs) for alpha in (1.0, 0.0))
        assert with_pull - without == pytest.approx(pull, abs=1e-6)
    outputs = torch.tensor([[0.3, -2.0], [1.5, 0.7]], dtype=torch.float64, requires_grad=True)
    loss_of("dpsh", same, bits=2, alpha=0.0)(outputs, None, torch.arange(2), 0).backward()
    theta = (0.3 * 1.5 - 2.0 * 0.7) / 2
    slope = (
        1 / (1 + math.exp(-theta)) - 1
    ) / 2  # of one pair; the bank has no gradient, so each of the two counts half
    assert outputs.grad[0].tolist() == pytest.approx([slope * 1.5 / 2, slope * 0.7 / 2])


def test_greedyhash_without_labels(batch):
    outputs, features, rows, _ = batch
    for centred in (True, False):
        loss = loss_of("greedyhash_unsupervised", None, alpha=0.3, centred=centred)
        x = (features - features.mean(dim=0) if centred else features).tolist()
        codes = [[sign(u) for u in row] for row in outputs.tolist()]
        kept = mean((cosine(codes[i], codes[3 + i]) - cosine(x[i], x[3 + i])) ** 2 for i in range(3))
        pull = mean(abs(abs(u) - 1) ** 3 for u in outputs.flatten().tolist())
        assert value(loss, outputs, features, rows) == pytest.approx(kept + 0.3 * pull)
    pair = torch.tensor([[1.0, 0], [0.5, math.sqrt(0.75)]], dtype=torch.float64)
    loss = loss_of("greedyhash_unsupervised", None, bits=2, centred=False)
    assert value(loss, [[1, 1], [1, 1]], pair) == pytest.approx(0.25)


@pytest.mark.parametrize("clipped", [False, True])
def test_sdc(batch, clipped):
    outputs, features, rows, _ = batch
    loss = loss_of("sdc", None, alpha=0.3, clipped=clipped)
    pairs = sorted(
        (cosine(features[i].tolist(), features[3 + i].tolist()), cosine(outputs[i].tolist(), outputs[3 + i].tolist()))
        for i in range(3)
    )
    wanted = [max(q, 0) if clipped else q for q in quantiles(3, 5.0)]
    spread = mean(abs(v - q) for (_, v), q in zip(pairs, wanted, strict=True))
    pull = mean(1 - cosine(u, [sign(x) for x in u]) for u in outputs.tolist())
    assert value(loss, outputs, features, rows) == pytest.approx(spread + 0.3 * pull)


def test_sdc_s_quantiles_and_its_least_loss():
    wanted = [-0.360262, -0.103032, 0.103032, 0.360262]
    assert quantiles(4, 5.0) == pytest.approx(wanted, abs=1e-6)
    assert sum(quantiles(7, 5.0)) == pytest.approx(0)
    angles = [math.acos(q) for q in quantiles(4, 5.0)]
    outputs = [[1, 0]] * 4 + [[math.cos(a), math.sin(a)] for a in angles]
    features = torch.tensor([[1.0, 0]] * 4 + [[0, 1], [1, 3], [1, 1], [1, 0]], dtype=torch.float64)
    loss = loss_of("sdc", None, bits=2, alpha=0.0)
    assert value(loss, outputs, features) == pytest.approx(0, abs=1e-12)
    assert value(loss, outputs, features.flip(0)) > 0.1


CLASS_LOSSES = ("csq", "dpn", "greedyhash", "orthohash")
BLIND = ("greedyhash_unsupervised", "sdc")
ALL_NEW = (*CLASS_LOSSES, "dhn", "dpsh", *BLIND)


@pytest.mark.parametrize("name", ALL_NEW)
@pytest.mark.parametrize("kind", ["one class", "all different", "two images", "sign 0"])
def test_unusual_batches_have_a_finite_loss_and_gradient(name, kind):
    n = 2 if kind == "two images" else 6
    labels = torch.eye(6, dtype=torch.float64)[torch.zeros(n, dtype=torch.int64) if kind == "one class" else range(n)]
    generator = torch.Generator().manual_seed(1)
    outputs = torch.randn(n, 8, generator=generator, dtype=torch.float64) * (kind != "sign 0")
    outputs.requires_grad_()
    for balanced in (False, True) if name in PULLS else (None,):
        loss = loss_of(name, labels, bits=8, **({} if balanced is None else {"balanced": balanced}))
        found = loss(outputs, torch.randn(n, 4, generator=generator, dtype=torch.float64), torch.arange(n), 0)
        found.backward()
        assert torch.isfinite(found)
        assert torch.isfinite(outputs.grad).all()


@pytest.mark.parametrize("name", [*CLASS_LOSSES, *PULLS])
def test_the_order_of_a_batch_does_not_count(name, batch):
    outputs, features, rows, labels = batch
    order = torch.tensor([3, 0, 6, 1, 5, 2, 4])
    first, again = (value(loss_of(name, labels), outputs[o], features, rows[o]) for o in (torch.arange(7), order))
    assert first == pytest.approx(again)


@pytest.mark.parametrize("name", [*CLASS_LOSSES, *PULLS])
def test_bits_can_be_exchanged_and_negated(name, batch):
    """Together with those of centres and classifier, if there are any."""
    outputs, features, rows, labels = batch
    order, flips = torch.tensor([2, 0, 4, 1, 3]), torch.tensor([1.0, -1, -1, 1, -1], dtype=torch.float64)
    first, turned = loss_of(name, labels), loss_of(name, labels)
    for part in ("centres", "classifier"):
        if hasattr(turned, part):
            setattr(turned, part, getattr(turned, part)[:, order] * flips)
    expected = value(first, outputs, features, rows)
    assert value(turned, outputs[:, order] * flips, features, rows) == pytest.approx(expected)


@pytest.mark.parametrize("name", CLASS_LOSSES)
def test_images_without_labels_are_left_out(name):
    """Dividing by their number of labels would make them, and with them the weights, nan."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.eye(4, dtype=torch.float64)[[0, 1, 2, 3, 0, 0]]
    labels[[1, 4]] = 0
    outputs = torch.randn(6, 8, generator=generator, dtype=torch.float64)
    some = torch.tensor([0, 2, 3, 5])
    expected = value(loss_of(name, labels, bits=8), outputs[some], rows=some)
    assert value(loss_of(name, labels, bits=8), outputs) == pytest.approx(expected)
    outputs.requires_grad_()
    none = loss_of(name, labels, bits=8)(outputs[[1, 4]], None, torch.tensor([1, 4]), 0)
    none.backward()
    assert none.item() == 0
    assert (outputs.grad == 0).all()


def test_two_labels_are_not_taken_for_the_first():
    """Widely copied code takes argmax of the labels."""
    both, first = torch.tensor([[1.0, 1.0, 0.0]]).double(), torch.tensor([[1.0, 0.0, 0.0]]).double()
    outputs = torch.linspace(-1, 1, 16, dtype=torch.float64)[None]
    for name in CLASS_LOSSES:
        losses = [value(loss_of(name, labels, bits=16), outputs) for labels in (both, first)]
        assert losses[0] != pytest.approx(losses[1])


def test_centres_are_refused_or_drawn_as_asked():
    labels = torch.eye(10)
    assert torch.equal(loss_of("csq", labels, bits=16).centres, loss_of("dpn", labels, bits=16).centres)
    rows = loss_of("csq", labels, bits=16, centres="first_rows").centres
    assert (rows[0] == 1).all()
    with pytest.raises(L2HError, match="found no centres of 10 classes at 4 bits"):
        loss_of("orthohash", labels, bits=4)
    assert loss_of("orthohash", labels, bits=4, centres="bernoulli").centres.shape == (10, 4)
