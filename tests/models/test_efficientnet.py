import pytest
import torch
from torch.nn import functional

from lungfuse.encoders.networks.efficientnet_lite import ConvBNAct


@pytest.mark.parametrize("groups", [1, 6])
@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [3, 5])
def test_a_unit_is_convolution_normalisation_and_relu6(kernel, stride, size, groups):
    """With gradients; padded as TensorFlow does, where sizes are rounded up and less is added on the top left."""
    torch.manual_seed(0)
    unit = ConvBNAct(6, 6, kernel, stride, groups)
    convolution, norm = unit
    torch.nn.init.normal_(norm.weight), torch.nn.init.normal_(norm.bias)
    norm.running_mean.normal_(), norm.running_var.uniform_(0.5, 2)
    x = torch.randn(2, 6, size, size).to(memory_format=torch.channels_last).requires_grad_()
    total = (-(-size // stride) - 1) * stride + kernel - size
    padded = functional.pad(x, [total // 2, total - total // 2] * 2)
    expected = functional.relu6(norm.eval()(convolution(padded)))
    grad, inputs = torch.randn(expected.shape), [x, *unit.parameters()]
    wanted = torch.autograd.grad(expected, inputs, grad)
    found = unit.train()(x)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(torch.autograd.grad(found, inputs, grad), wanted, rtol=1e-4, atol=1e-4)
