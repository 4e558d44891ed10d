"""ResNet-18 on small images in plain PyTorch: what one would write without this project. Needs torch and NumPy alone.

    python pytorch.py --data=cifar10.npz --steps=200 [--compile] [--precision=bfloat16]

The data file holds `images` [n, height, width, 3] uint8 and `labels` [n] int32. It says `step N` at every tenth step.
"""

import argparse
import threading
from collections.abc import Iterator, Sequence
from queue import Queue

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = 10
MOMENTUM, WEIGHT_DECAY, LEARNING_RATE = 0.9, 1e-4, 0.1
PREFETCHED_BATCHES = 2
SAYS_EVERY = 10


class BasicBlock(nn.Module):
    """`relu(shortcut(x) + convolutions(x))`, the last gamma starting at zero."""

    def __init__(self, inputs: int, width: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, padding=1, bias=False)
        self.batch_norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.batch_norm2 = nn.BatchNorm2d(width)
        nn.init.zeros_(self.batch_norm2.weight)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != width:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.batch_norm1(self.conv1(x)), inplace=True)
        return F.relu(self.batch_norm2(self.conv2(y)) + self.shortcut(x), inplace=True)


def resnet18() -> nn.Module:
    layers: list[nn.Module] = [
        nn.Conv2d(3, 64, 7, 2, padding=3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, padding=1),
    ]
    inputs = 64
    for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [BasicBlock(inputs, width, stride), BasicBlock(width, width, 1)]
        inputs = width
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, CLASSES)]
    model = nn.Sequential(*layers)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return model


def optimizer_of(model: nn.Module, *, fused: bool) -> torch.optim.Optimizer:
    """Momentum, weight decay on kernels alone."""
    kernels = [each for each in model.parameters() if each.ndim > 1]
    others = [each for each in model.parameters() if each.ndim == 1]
    groups = [{"params": kernels, "weight_decay": WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=LEARNING_RATE, momentum=MOMENTUM, fused=fused)


def augmented(images: Tensor, size: int) -> Tensor:
    """Bilinear upsampling to 5/4 of `size`, a random crop of `size`, a random flip: all by one sampling.

    Args:
      images: [n, 3, height, width] uint8.

    Returns:
      [n, 3, size, size] float32 in [-1, 1], channels last in memory.
    """
    n, upsampled = len(images), size * 5 // 4
    offsets = torch.randint(0, upsampled - size + 1, (2, n), device=images.device)
    # Centres of the pixels that are kept, as a share of the upsampled image, from -1 to 1.
    centres = (offsets[..., None] + torch.arange(size, device=images.device) + 0.5) * (2 / upsampled) - 1
    ys, xs = centres
    xs = torch.where(torch.rand(n, 1, device=images.device) < 0.5, xs.flip(1), xs)
    grid = torch.stack([xs[:, None, :].expand(n, size, size), ys[:, :, None].expand(n, size, size)], dim=-1)
    pixels = images.float() / 127.5 - 1
    sampled = F.grid_sample(pixels, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return sampled.contiguous(memory_format=torch.channels_last)


def batches(path: str, batch_size: int, size: int, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """Epoch after epoch in random order, made ahead by a thread."""
    with np.load(path) as data:
        images = torch.from_numpy(data["images"]).permute(0, 3, 1, 2)
        labels = torch.from_numpy(data["labels"]).long()
    images, labels = images.to(device), labels.to(device)

    def produce() -> None:
        while True:
            order = torch.randperm(len(images), device=device)
            for start in range(0, len(order) - batch_size + 1, batch_size):
                chosen = order[start : start + batch_size]
                ready.put((augmented(images[chosen], size), labels[chosen]))

    ready: Queue[tuple[Tensor, Tensor]] = Queue(PREFETCHED_BATCHES)
    threading.Thread(target=produce, daemon=True).start()
    while True:
        yield ready.get()


def train(options: argparse.Namespace) -> None:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(options.seed)
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
    model = resnet18().to(device, memory_format=torch.channels_last)
    print("parameters", sum(each.numel() for each in model.parameters()), flush=True)
    optimizer = optimizer_of(model, fused=True)
    forward = torch.compile(model) if options.compile else model
    lower = options.precision == "bfloat16"
    fed = batches(options.data, options.batch_size, options.image_size, device)
    for step in range(1, options.steps + 1):
        images, labels = next(fed)
        with torch.autocast(device.type, torch.bfloat16, enabled=lower):
            loss = F.cross_entropy(forward(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step % SAYS_EVERY == 0 or step == 1:
            print(f"step {step} of {options.steps}: loss {loss.item():.4f}", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--image_size", type=int, default=96)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    train(parser.parse_args(arguments))


if __name__ == "__main__":
    main()
