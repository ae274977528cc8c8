"""The training loop: parameters of a loss, and batch norm folded into the layer before."""

import pytest
import torch

from l2h.hashing.deep.training import adam, folded, make_head, parameters_of, set_moments, tensors_of


class ModuleLoss(torch.nn.Module):
    """A loss written as a module, with a layer of its own, a buffer and a plain tensor."""

    lr_share, weight_decay = 0.5, 0.1

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(8, 3)
        self.register_buffer("seen", torch.zeros(2))
        self.last = torch.ones(1)

    def forward(self, outputs, features, rows, epoch):
        return self.layer(outputs).square().mean()


class LossWithModule:
    """A loss that has a layer in an attribute; rate and decay are those of the default."""

    def __init__(self):
        self.layer = torch.nn.Linear(8, 3)

    def __call__(self, outputs, features, rows, epoch):
        return self.layer(outputs).square().mean()


@pytest.mark.parametrize(("kind", "share", "decay"), [(ModuleLoss, 0.5, 0.1), (LossWithModule, 1, 0)])
def test_parameters_of_a_loss_are_found_wherever_they_stand_and_have_their_own_rate_and_decay(kind, share, decay):
    loss, head = kind(), torch.nn.Linear(4, 8)
    assert set(parameters_of(loss)) == {"layer.weight", "layer.bias"}
    remembered = {"seen", "last"} if kind is ModuleLoss else set()
    assert set(tensors_of(loss)) == {"layer.weight", "layer.bias"} | remembered
    of_head, own = adam(head.parameters(), loss, 0.01, 0.2).param_groups
    assert [id(p) for p in own["params"]] == [id(p) for p in loss.layer.parameters()]
    assert (own["lr"], own["weight_decay"]) == (0.01 * share, decay)
    assert (of_head["lr"], of_head["weight_decay"]) == (0.01, 0.2)
    (only,) = adam(head.parameters(), lambda *_: 0, 0.01, 0.2).param_groups
    assert only["params"] == of_head["params"]


@pytest.mark.parametrize("hidden", [0, 7])
def test_a_folded_batch_norm_gives_the_head_s_outputs_in_eval_mode(hidden):
    torch.manual_seed(0)
    inputs = torch.randn(50, 9) * 3 + 1
    head = make_head(9, hidden, 5, batch_norm=True)
    torch.nn.init.uniform_(head[-1].weight, -2, 2)
    torch.nn.init.uniform_(head[-1].bias, -2, 2)
    for _ in range(3):
        in_training = head(inputs)  # with the batch's moments; the running ones lag behind
    expected = head.eval()(inputs)
    assert not torch.allclose(expected, in_training, atol=1e-2)
    without = folded(head)
    assert not any(isinstance(layer, torch.nn.BatchNorm1d) for layer in without)
    assert torch.allclose(without(inputs), expected, rtol=0, atol=1e-6)
    assert folded(without) is without


def test_moments_are_those_of_all_outputs():
    outputs = torch.randn(50, 5) * 3 + 1
    norm = make_head(9, 0, 5, batch_norm=True)[-1].eval()
    set_moments(norm, outputs)
    scores = norm(outputs)
    assert torch.allclose(scores.mean(dim=0), torch.zeros(5), atol=1e-6)
    assert torch.allclose(scores.std(dim=0), torch.ones(5), atol=1e-5)
