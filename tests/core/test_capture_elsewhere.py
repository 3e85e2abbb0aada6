"""A branch on the length is refused wherever it lies; a length too short to run is no branch."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import edgesynth
from edgesynth.errors import CaptureError

torch.set_num_threads(1)


class Net(nn.Module):
    """One function of the input, and the lengths it was called at."""

    def __init__(self, forward: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.call, self.seen = forward, set[int]()

    def forward(self, x: Tensor) -> Tensor:
        y = self.call(x)
        self.seen.add(x.shape[1])
        return y


@pytest.mark.parametrize(
    ("limit", "example", "refused_at"),
    [
        pytest.param(10, 40, 2, id="below what is traced"),
        pytest.param(23, 40, 2, id="just below what is traced"),
        pytest.param(100, 40, 120, id="above the example"),
        pytest.param(10, 6, 18, id="above a short example"),
    ],
)
@pytest.mark.parametrize("constant", [False, True])
def test_branch_on_the_length_is_refused(
    limit: int, example: int, refused_at: int, constant: bool
) -> None:
    module = Net(lambda x: x * 2 if x.shape[1] > limit else x * 1)
    x = torch.zeros(2, example, 3) if constant else torch.randn(2, example, 3)
    with pytest.raises(CaptureError, match="branch on the length cannot be expressed") as caught:
        edgesynth.capture(module, x, time={"x": 1})
    text = str(caught.value)
    first = 24 if example > 24 else example
    assert f"at length {refused_at} of input 'x', traced at {first} and {first + 1}" in text
    assert "\n" not in text


def test_branch_that_changes_the_size_is_refused_with_both_shapes() -> None:
    module = Net(lambda x: x.sum(2, keepdim=True) if x.shape[1] > 10 else x * 1)
    where = re.escape("'out' is (2, 2, 3) and (2, 2, 1) as a Graph, at length 2 of")
    with pytest.raises(CaptureError, match=where):
        edgesynth.capture(module, torch.randn(2, 40, 3), time={"x": 1})


def test_lengths_below_the_smallest_are_passed_over() -> None:
    """Short of its kernel, and of a length that it checks itself."""
    torch.manual_seed(0)
    conv = nn.Conv1d(3, 3, 9)

    def convolved(x: Tensor) -> Tensor:
        return conv(x.transpose(1, 2)).transpose(1, 2)

    def strict(x: Tensor) -> Tensor:
        if x.shape[1] < 13:
            raise ValueError("too short")
        return x * 2

    for call, shortest in ((convolved, 9), (strict, 16)):
        module = Net(call)
        graph = edgesynth.capture(module, torch.randn(2, 40, 3), time={"x": 1})
        assert min(module.seen) == shortest and max(module.seen) == 120
        x = torch.randn(1, 61, 3)
        torch.testing.assert_close(graph.module()(x), call(x))


def test_a_length_that_is_too_long_is_passed_over() -> None:
    def bounded(x: Tensor) -> Tensor:
        if x.shape[1] > 50:
            raise ValueError("too long")
        return x * 2

    module = Net(bounded)
    edgesynth.capture(module, torch.randn(2, 40, 3), time={"x": 1})
    assert min(module.seen) == 2 and max(module.seen) == 40


def test_values_outside_an_ops_range_are_no_branch() -> None:
    """Random input stays in the example's range: a logarithm sees no zero or negative."""
    graph = edgesynth.capture(Net(torch.log), torch.full((2, 40, 3), 0.5), time={"x": 1})
    assert graph.nodes
