#!/usr/bin/env python3
"""Trains the networks in models/ and exports them to ONNX.

    python3 train.py --model lite3-mnist --data DATA --out ../models
    python3 train.py --model all         --data DATA --out ../models

DATA holds the files of one data set, or sub-directories `mnist`, `fashion-mnist` and `cifar10` that do (`--model all`
needs the latter): the four original IDX files, or CIFAR-10's binary batches, plain or .gz. Nothing is fetched from the
network.

What happens for each network:

1. The training set is augmented afresh for each epoch (random affine maps; flips for clothes; flips and shifts by whole
   pixels for CIFAR-10) and the network is trained with AdamW under a one-cycle schedule. Convolutions and hidden linear
   layers carry a batch norm, but for optical-mnist.
2. A recipe may name a teacher. Then the loss mixes the label with the softened answers of the teacher on the very
   same augmented image. A missing teacher is trained first and kept in --cache.
3. The batch norms are folded into the layers before them, most recipes have the ranges of weights equalised across layers
   (both leave the function as it is), and what is left (Conv, Relu or Mul, pooling, Flatten, Gemm) is exported.
4. The script prints the accuracy on the 10,000 test images, in float and with 8-bit integers (class `Integer`).

The input of every network is `input`, 1 x 1 x 28 x 28 float32 (CIFAR-10: 1 x 3 x 32 x 32), the pixel byte divided by
256, nothing subtracted.

Runs are deterministic for one version of PyTorch, one kind of processor and one number of threads; elsewhere expect
what another seed gives (lite3-mnist with seed 2: 0.08 points less than with seed 1).
"""

import argparse
import copy
import glob
import gzip
import inspect
import math
import os
import struct
import sys
import time
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

# --------------------------------------------------------------------------------------------------------------
# Data
# --------------------------------------------------------------------------------------------------------------


def read_idx(directory, name):
    """One IDX file of unsigned bytes, plain or gzip, as a numpy array."""
    for path, opener in ((os.path.join(directory, name), open), (os.path.join(directory, name + ".gz"), gzip.open)):
        if os.path.exists(path):
            with opener(path, "rb") as file:
                raw = file.read()
            break
    else:
        sys.exit(f"error: neither {name} nor {name}.gz is in {directory}")
    if len(raw) < 4 or raw[:3] != b"\0\0\x08":
        sys.exit(f"error: {path} is not an IDX file of unsigned bytes")
    rank = raw[3]
    shape = struct.unpack_from(f">{rank}I", raw, 4)
    body = raw[4 + 4 * rank :]
    if math.prod(shape) != len(body):
        sys.exit(f"error: {path}: the header promises {math.prod(shape)} bytes, the file has {len(body)}")
    return np.frombuffer(body, np.uint8).reshape(shape)


def read_cifar(directory, name):
    """CIFAR-10's batches called `name`, plain or gzip: bytes N x 3 x 32 x 32 and labels.

    A record is the label and then 1,024 bytes each of red, green and blue. `name` is a pattern.
    """
    found = [path for end in ("", ".gz") for path in glob.glob(os.path.join(glob.escape(directory), name + end))]
    if not found:
        sys.exit(f"error: neither {name} nor {name}.gz is in {directory}")
    records = []
    for path in sorted({path.removesuffix(".gz"): path for path in reversed(found)}.values()):
        with gzip.open(path) if path.endswith(".gz") else open(path, "rb") as file:
            raw = np.frombuffer(file.read(), np.uint8)
        if len(raw) == 0 or len(raw) % 3073 or raw[::3073].max() > 9:
            sys.exit(f"error: {path} does not consist of CIFAR-10's records")
        records.append(raw.reshape(-1, 3073))
    records = np.concatenate(records)
    images = torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32).copy())
    return images, torch.from_numpy(records[:, 0].astype(np.int64))


@dataclass
class Data:
    """Images as bytes (N x channels x height x width, uint8) and labels (N, int64)."""

    train_images: torch.Tensor
    train_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor


def load_data(directory, dataset, need_subdirectory, holdout):
    """Loads `dataset` from directory/dataset, or from directory itself.

    With `holdout`, the last `holdout` training images take the place of the test set: recipes are chosen that way.
    """
    sub = os.path.join(directory, dataset)
    if os.path.isdir(sub):
        directory = sub
    elif need_subdirectory:
        sys.exit(f"error: --model all needs the sub-directory {dataset} in {directory}")

    def pair(prefix):
        if dataset == "cifar10":
            return read_cifar(directory, "data_batch*.bin" if prefix == "train" else "test_batch.bin")
        images = torch.from_numpy(read_idx(directory, f"{prefix}-images-idx3-ubyte").copy())
        labels = torch.from_numpy(read_idx(directory, f"{prefix}-labels-idx1-ubyte").astype(np.int64))
        if len(images) != len(labels) or images.shape[1:] != (28, 28):
            sys.exit(f"error: {directory}: {prefix} has {len(labels)} labels for images of shape {tuple(images.shape)}")
        return images.unsqueeze(1), labels

    (xs, ys), (xt, yt) = pair("train"), pair("t10k")
    if holdout:
        xs, xt, ys, yt = xs[:-holdout], xs[-holdout:], ys[:-holdout], ys[-holdout:]
    return Data(xs, ys, xt, yt)


def to_input(images):
    """Bytes to what the networks take."""
    return images.float() / 256


@dataclass(frozen=True)
class Augment:
    """Ranges of the random affine map of one image; every parameter is uniform in [-range, range]."""

    degrees: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    shift: float = 0.0  # pixels
    flip: bool = False  # left-right, with probability 1/2

    def __call__(self, images, generator):
        """Maps a batch of float images; zero (black) comes in from outside."""
        n, _, height, width = images.shape

        def uniform(extent):
            return (2 * torch.rand(n, generator=generator) - 1) * extent

        angle = uniform(math.radians(self.degrees))
        cos, sin = torch.cos(angle), torch.sin(angle)
        sx, sy = 1 + uniform(self.scale), 1 + uniform(self.scale)
        shear = uniform(self.shear)
        tx, ty = uniform(2 * self.shift / width), uniform(2 * self.shift / height)
        if self.flip:
            sx = sx * (1 - 2 * (torch.rand(n, generator=generator) < 0.5).float())
        # rotation * shear * scale, from output to input coordinates in [-1, 1]
        rows = torch.stack(
            [
                torch.stack([cos * sx, (cos * shear - sin) * sy, tx], 1),
                torch.stack([sin * sx, (sin * shear + cos) * sy, ty], 1),
            ],
            1,
        )
        grid = F.affine_grid(rows, images.shape, align_corners=False)
        return F.grid_sample(images, grid, align_corners=False)


@dataclass(frozen=True)
class Shift:
    """Moves each image by up to `pixels` whole pixels, zeros coming in, and flips it with probability 1/2."""

    pixels: int

    def __call__(self, images, generator):
        n, channels, height, width = images.shape
        padded = F.pad(images, [self.pixels] * 4)
        top, left = torch.randint(2 * self.pixels + 1, (2, n), generator=generator)
        rows = top[:, None] + torch.arange(height)
        columns = left[:, None] + torch.arange(width)
        flipped = torch.rand(n, generator=generator) < 0.5
        columns = torch.where(flipped[:, None], columns.flip(1), columns)
        image = torch.arange(n)[:, None, None, None]
        channel = torch.arange(channels)[None, :, None, None]
        return padded[image, channel, rows[:, None, :, None], columns[:, None, None, :]]


# --------------------------------------------------------------------------------------------------------------
# Networks
# --------------------------------------------------------------------------------------------------------------


class Square(nn.Module):
    """The polynomial activation, exported as Mul(x, x)."""

    def forward(self, x):
        return x * x


def conv(inputs, outputs, kernel, activation, stride=1, padding=0):
    return [
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, bias=False),
        nn.BatchNorm2d(outputs),
        activation(),
    ]


def hidden(inputs, outputs, activation):
    return [nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), activation()]


def lite3():
    """2,916 ReLUs: 16 x 12 x 12 + 32 x 4 x 4 + 100; strides in place of pooling."""
    return nn.Sequential(
        *conv(1, 16, 5, nn.ReLU, stride=2),
        *conv(16, 32, 5, nn.ReLU, stride=2),
        nn.Flatten(),
        *hidden(512, 100, nn.ReLU),
        nn.Linear(100, 10),
    )


def sensor():
    """320 ReLUs: 5 x 8 x 8. Each of its two linear layers fits one response: for slow lines to an accelerator."""
    return nn.Sequential(*conv(1, 5, 5, nn.ReLU, stride=3), nn.Flatten(), nn.Linear(320, 10))


def network_d():
    """Network D of GAZELLE, the MNIST network of MiniONN: 10,340 ReLUs."""
    return nn.Sequential(
        *conv(1, 16, 5, nn.ReLU),
        nn.MaxPool2d(2),
        *conv(16, 16, 5, nn.ReLU),
        nn.MaxPool2d(2),
        nn.Flatten(),
        *hidden(256, 100, nn.ReLU),
        nn.Linear(100, 10),
    )


def cryptonets():
    """CryptoNets: 845 + 100 squares."""
    return nn.Sequential(
        *conv(1, 5, 5, Square, stride=2, padding=1),
        nn.Flatten(),
        *hidden(845, 100, Square),
        nn.Linear(100, 10),
    )


def small28():
    """CryptoNets with ReLUs in place of squares: 845 + 100 ReLUs."""
    return nn.Sequential(
        *conv(1, 5, 5, nn.ReLU, stride=2, padding=1),
        nn.Flatten(),
        *hidden(845, 100, nn.ReLU),
        nn.Linear(100, 10),
    )


def optical():
    """The network of the quantum-optical protocol's publication: 784-784-10, no bias.

    Weights begin normal with these deviations. The second is far above what training needs, and most of it stays in the
    trained weights: that is what makes the network about as sensitive to noise in each output as the published one.
    """
    first, second = nn.Linear(784, 784, bias=False), nn.Linear(784, 10, bias=False)
    nn.init.normal_(first.weight, std=0.012)
    nn.init.normal_(second.weight, std=0.6)
    return nn.Sequential(nn.Flatten(), first, nn.ReLU(), second)


def cifar7():
    """The CIFAR-10 network of MiniONN and GAZELLE, seven convolutions: 173,056 ReLUs."""
    return nn.Sequential(
        *conv(3, 64, 3, nn.ReLU, padding=1),
        *conv(64, 64, 3, nn.ReLU, padding=1),
        nn.AvgPool2d(2),
        *conv(64, 64, 3, nn.ReLU, padding=1),
        *conv(64, 64, 3, nn.ReLU, padding=1),
        nn.AvgPool2d(2),
        *conv(64, 64, 3, nn.ReLU, padding=1),
        *conv(64, 64, 1, nn.ReLU),
        *conv(64, 16, 1, nn.ReLU),
        nn.Flatten(),
        nn.Linear(1024, 10),
    )


def teacher():
    """A larger network that only teaches; it is not exported."""
    return nn.Sequential(
        *conv(1, 32, 3, nn.ReLU, padding=1),
        nn.MaxPool2d(2),
        *conv(32, 48, 3, nn.ReLU, padding=1),
        *conv(48, 48, 3, nn.ReLU, padding=1),
        nn.MaxPool2d(2),
        *conv(48, 96, 3, nn.ReLU, padding=1),
        *conv(96, 96, 3, nn.ReLU, padding=1),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(96 * 3 * 3, 10),
    )


def fold_batch_norm(net):
    """The same function without batch norms and dropout: y = g (Wx - m) / sqrt(v + eps) + b is linear in x."""
    folded = []
    for layer in copy.deepcopy(net).eval():
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            before = folded[-1]
            factor = (layer.weight / torch.sqrt(layer.running_var + layer.eps)).detach()
            weight = before.weight.detach()
            old_bias = before.bias.detach() if before.bias is not None else torch.zeros_like(factor)
            before.weight = nn.Parameter(weight * factor.reshape([-1] + [1] * (weight.dim() - 1)))
            before.bias = nn.Parameter((old_bias - layer.running_mean) * factor + layer.bias.detach())
        elif not isinstance(layer, nn.Dropout):
            folded.append(layer)
    # names by kind and number, conv1, relu1, ...: they become the names of the ONNX nodes
    kinds = {
        nn.Conv2d: "conv",
        nn.Linear: "fc",
        nn.ReLU: "relu",
        Square: "square",
        nn.MaxPool2d: "pool",
        nn.AvgPool2d: "pool",
        nn.Flatten: "flatten",
    }
    named, seen = OrderedDict(), {}
    for layer in folded:
        kind = kinds[type(layer)]
        seen[kind] = seen.get(kind, 0) + 1
        named[f"{kind}{seen[kind]}"] = layer
    return nn.Sequential(named).eval()


def equalise(folded, rounds=20):
    """The same function with like ranges of weights, so that few bits describe them well.

    ReLU and pooling commute with positive factors, so channel c may leave a layer multiplied by f if the next layer
    divides its weights for c by f. f = sqrt(range behind / range before) makes the two ranges equal (cross-layer
    equalisation, Nagel et al. 2019); a few rounds settle a chain of layers. A square keeps its layers as they are.
    """
    pairs, before = [], None
    for layer in folded:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            if before is not None:
                pairs.append((before, layer))
            before = layer
        elif not isinstance(layer, (nn.ReLU, nn.MaxPool2d, nn.AvgPool2d, nn.Flatten)):
            before = None
    with torch.no_grad():
        for _ in range(rounds):
            for one, two in pairs:
                channels = len(one.weight)
                leaving = one.weight.reshape(channels, -1)
                entering = two.weight.reshape(len(two.weight), channels, -1)  # flattening keeps a channel together
                ranges = leaving.abs().amax(1), entering.abs().amax((0, 2))
                used = (ranges[0] > 0) & (ranges[1] > 0)
                factor = torch.where(used, torch.sqrt(ranges[1] / ranges[0]), torch.ones(channels))
                one.weight.copy_((leaving * factor[:, None]).reshape(one.weight.shape))
                if one.bias is not None:
                    one.bias.mul_(factor)
                two.weight.copy_((entering / factor[None, :, None]).reshape(two.weight.shape))
    return folded


def activations(net, shape):
    """How many ReLUs or squares one inference on an image of this shape costs."""
    count, x = 0, torch.zeros(1, *shape)
    with torch.no_grad():
        for layer in net:
            x = layer(x)
            count += x.numel() if isinstance(layer, (nn.ReLU, Square)) else 0
    return count


# --------------------------------------------------------------------------------------------------------------
# Recipes
# --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recipe:
    dataset: str
    net: object
    epochs: int
    augment: tuple  # ((fraction of the epochs at which it begins, Augment or None), ...)
    rate: float = 4e-3  # peak learning rate
    decay: float = 0.02
    batch: int = 256
    smoothing: float = 0.0  # label smoothing
    equalised: bool = True  # across layers, after training
    autocast: bool = False  # layers compute in bfloat16, on weights that are kept in float32
    teacher: str = None  # name of another recipe
    soft: float = 0.9  # weight of the teacher against the labels
    temperature: float = 2.0
    copies: int = 1000  # distinct augmentations of the training set; the teacher is asked once for each
    export: bool = True


DIGITS = Augment(degrees=10, scale=0.1, shear=0.1, shift=2)
CLOTHES = Augment(degrees=3, scale=0.05, shear=0.03, shift=1, flip=True)

RECIPES = {
    "d-mnist": Recipe("mnist", network_d, 20, ((0, DIGITS),)),
    "lite3-mnist": Recipe("mnist", lite3, 30, ((0, DIGITS),), teacher="d-mnist"),
    "sensor-mnist": Recipe("mnist", sensor, 30, ((0, DIGITS),)),
    "cryptonets-mnist": Recipe("mnist", cryptonets, 30, ((0, DIGITS),)),
    "small28-mnist": Recipe("mnist", small28, 30, ((0, DIGITS),)),
    "teacher-fashion": Recipe(
        "fashion-mnist", teacher, 14, ((0, CLOTHES),), rate=3e-3, decay=0.05, smoothing=0.05, export=False
    ),
    "d-fashion": Recipe("fashion-mnist", network_d, 40, ((0, CLOTHES),), teacher="teacher-fashion", copies=12),
    "optical-mnist": Recipe("mnist", optical, 8, ((0, None),), rate=2e-3, decay=0.0, equalised=False),
    "cifar7": Recipe("cifar10", cifar7, 30, ((0, Shift(4)),), rate=6e-3, decay=5e-4, smoothing=0.05, autocast=True),
}

# --------------------------------------------------------------------------------------------------------------
# Training
# --------------------------------------------------------------------------------------------------------------


def logits_of(net, images, chunk=500):
    with torch.no_grad():
        return torch.cat([net(x.contiguous(memory_format=torch.channels_last)) for x in images.split(chunk)])


def accuracy(logits, labels):
    return 100.0 * (logits.argmax(1) == labels).double().mean().item()


def train(name, recipe, data, epochs, seed, teacher_net):
    torch.manual_seed(seed)
    net = recipe.net().to(memory_format=torch.channels_last)
    inputs, labels = to_input(data.train_images), data.train_labels
    steps = epochs * (len(inputs) // recipe.batch)
    decayed = [p for p in net.parameters() if p.dim() > 1]
    plain = [p for p in net.parameters() if p.dim() <= 1]
    optimiser = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": recipe.decay}, {"params": plain, "weight_decay": 0.0}], lr=recipe.rate
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.rate, total_steps=steps, pct_start=0.25, div_factor=10, final_div_factor=1000
    )
    answers = {}  # teacher logits by (stage, copy)
    for epoch in range(epochs):
        start = time.time()
        stage = max(i for i, (begin, _) in enumerate(recipe.augment) if epoch >= begin * epochs)
        number = epoch % recipe.copies
        generator = torch.Generator().manual_seed(1_000_003 * seed + 1_009 * stage + number)
        augment = recipe.augment[stage][1]
        images = torch.cat([augment(x, generator) for x in inputs.split(1000)]) if augment else inputs
        if teacher_net is not None and (stage, number) not in answers:
            answers[stage, number] = logits_of(teacher_net, images)
        soft = answers.get((stage, number))

        net.train()
        total = 0.0
        order = torch.randperm(len(images))
        for batch in order[: len(order) // recipe.batch * recipe.batch].split(recipe.batch):
            with torch.autocast("cpu", torch.bfloat16, enabled=recipe.autocast):
                logits = net(images[batch].contiguous(memory_format=torch.channels_last))
            logits = logits.float()
            loss = F.cross_entropy(logits, labels[batch], label_smoothing=recipe.smoothing)
            if soft is not None:
                t = recipe.temperature
                target = F.softmax(soft[batch] / t, 1)
                distance = -(target * F.log_softmax(logits / t, 1)).sum(1).mean() * t * t
                loss = recipe.soft * distance + (1 - recipe.soft) * loss
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        mean = total / (steps // epochs)
        print(f"{name}: epoch {epoch + 1}/{epochs}  loss {mean:.4f}  {time.time() - start:.1f} s", flush=True)
        if recipe.copies >= epochs:
            answers.clear()  # never asked again
    return net.eval()


# --------------------------------------------------------------------------------------------------------------
# 8-bit integers
# --------------------------------------------------------------------------------------------------------------


def round_shift(x, s):
    """floor((x + 2^(s-1)) / 2^s) on integers held in float64; s = 0 changes nothing."""
    return torch.floor((x + 2.0 ** (s - 1)) / 2.0**s) if s > 0 else x


class Integer:
    """The network in integers, all scales powers of two.

    Input: the pixel byte, scale 2^-8. Weights: signed 8 bits, one scale a layer, the finest that fits. Biases: at the
    scale of the accumulator, which is exact. Then an activation, a rounding shift, and a clamp to 0...255; the last
    layer stays as it is. The shift is chosen with training images: the smallest that fits all but one in ten thousand
    activations, or one less if that has the smaller squared error. A square is taken of the exact accumulator.

    Tensors are float64 and hold integers below 2^53 only, so every operation is exact (and checked to be).
    """

    def __init__(self, folded, calibration, bits=8):
        self.top = 2**bits - 1
        self.layers = []  # (kind, ...) in order
        self.notes = []
        scale = 8  # a stored value v stands for v * 2^-scale
        x = calibration.double()
        layers = list(folded)
        last = max(i for i, layer in enumerate(layers) if isinstance(layer, (nn.Conv2d, nn.Linear)))
        for i, layer in enumerate(layers):
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                weight = layer.weight.detach().double()
                limit = 2 ** (bits - 1) - 1
                fine = math.floor(math.log2(limit / weight.abs().max().item()))
                while (weight * 2.0 ** (fine + 1)).round().abs().max() <= limit:
                    fine += 1
                scale += fine
                layer = copy.deepcopy(layer).double()
                layer.weight.data = (weight * 2.0**fine).round()
                if layer.bias is not None:
                    layer.bias.data = (layer.bias.data * 2.0**scale).round()
                self.layers.append(layer)
                x = self.apply(layer, x)
                self.notes.append(f"weights *2^{fine}, |accumulator| <= {int(x.abs().max())}")
            elif isinstance(layer, (nn.ReLU, Square)):
                x = layer(x)
                scale *= 2 if isinstance(layer, Square) else 1
                high = max(1.0, np.quantile(x.numpy(), 0.9999))
                fits = max(0, math.ceil(math.log2(high / (self.top + 0.5))))

                def error(s):
                    return ((round_shift(x, s).clamp(0, self.top) * 2.0**s - x) ** 2).mean().item()

                shift = min({max(0, fits - 1), fits}, key=error)
                self.layers += [layer, shift]
                x = round_shift(x, shift).clamp(0, self.top)
                scale -= shift
                self.notes[-1] += f", shift {shift}"
            elif isinstance(layer, nn.AvgPool2d):
                self.layers.append(layer)
                x = self.apply(layer, x)
            else:
                self.layers.append(layer)
                x = layer(x)
        assert last == len(layers) - 1, "the last layer is linear"

    @staticmethod
    def apply(layer, x):
        with torch.no_grad():
            y = layer(x)
        if isinstance(layer, nn.AvgPool2d):
            y = torch.floor(y + 0.5)  # a window of four: exact up to here
        assert y.abs().max() < 2**53 and torch.equal(y, y.round())
        return y

    def __call__(self, images):
        """Integer logits of a batch of byte images."""
        outputs = []
        for x in images.split(500):
            x = x.double()
            for layer in self.layers:
                if isinstance(layer, int):
                    x = round_shift(x, layer).clamp(0, self.top)
                else:
                    x = self.apply(layer, x)
            outputs.append(x)
        return torch.cat(outputs)


# --------------------------------------------------------------------------------------------------------------
# Command
# --------------------------------------------------------------------------------------------------------------


def export(folded, shape, path):
    """One self-contained file; a batch of one; static shapes."""
    options = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    net = copy.deepcopy(folded).to(memory_format=torch.contiguous_format)
    torch.onnx.export(
        net,
        torch.zeros(1, *shape),
        path,
        input_names=["input"],
        output_names=["logits"],
        opset_version=13,
        **options,
    )


def cache_path(args, name):
    return os.path.join(args.cache, f"{name}{'-holdout' if args.holdout else ''}.pt")


def load_net(recipe, path):
    if not os.path.exists(path):
        sys.exit(f"error: {path} does not exist")
    net = recipe.net().to(memory_format=torch.channels_last)
    net.load_state_dict(torch.load(path, map_location="cpu"))
    return net.eval()


def obtain(name, args, need_subdirectory, is_teacher=False):
    """Trains `name` (after its teacher, if that is not in the cache), reports, exports."""
    recipe = RECIPES[name]
    data = load_data(args.data, recipe.dataset, need_subdirectory, args.holdout)
    if args.reuse and not is_teacher:
        net, how = load_net(recipe, cache_path(args, name)), "weights from the cache"
    else:
        teacher_net = None
        if recipe.teacher:
            path = args.teacher or cache_path(args, recipe.teacher)
            if not os.path.exists(path) and not args.teacher:
                obtain(recipe.teacher, args, need_subdirectory, is_teacher=True)
            teacher_net = load_net(RECIPES[recipe.teacher], path)
            print(f"{name}: taught by {recipe.teacher}")
        epochs = recipe.epochs if is_teacher or args.epochs is None else args.epochs
        start = time.time()
        net = train(name, recipe, data, epochs, args.seed, teacher_net)
        how = f"{epochs} epochs, {time.time() - start:.0f} s"
        os.makedirs(args.cache, exist_ok=True)
        torch.save(net.state_dict(), cache_path(args, name))

    shape = data.test_images.shape[1:]
    folded = fold_batch_norm(net)
    if recipe.equalised:
        equalise(folded)
    exact = accuracy(logits_of(folded, to_input(data.test_images)), data.test_labels)
    report = f"{name}: {activations(folded, shape)} activations, {how}, float {exact:.2f} %"
    if recipe.export:
        chosen = torch.randperm(len(data.train_images), generator=torch.Generator().manual_seed(args.seed))
        integer = Integer(folded, data.train_images[chosen[: 784_000 // math.prod(shape)]])
        for i, note in enumerate(integer.notes):
            print(f"{name}: layer {i + 1}: {note}")
        report += f", 8-bit integers {accuracy(integer(data.test_images), data.test_labels):.2f} %"
        if not args.holdout:
            os.makedirs(args.out, exist_ok=True)
            path = os.path.join(args.out, f"{name}.onnx")
            export(folded, shape, path)
            report += f", {os.path.getsize(path)} bytes"
    print(report + (" (held-out training images)" if args.holdout else ""), flush=True)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="Trains a network and exports it to ONNX.")
    parser.add_argument("--model", required=True, choices=[*RECIPES, "all"])
    parser.add_argument("--data", required=True, help="directory of one data set, or of all of them")
    parser.add_argument("--out", required=True, help="directory for the ONNX files")
    parser.add_argument("--cache", default=os.path.join(here, "cache"), help="directory for PyTorch weights (teachers)")
    parser.add_argument("--teacher", help="weights of the teacher, instead of those in the cache")
    parser.add_argument("--reuse", action="store_true", help="no training: export the weights in the cache")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's number")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1, help="more are faster, but round differently")
    parser.add_argument("--holdout", type=int, default=0, metavar="N", help="judge on the last N training images")
    args = parser.parse_args()
    if args.model == "all" and args.teacher:
        parser.error("--teacher goes with a single model")

    torch.set_num_threads(args.threads)
    torch.use_deterministic_algorithms(True)
    names = [n for n, r in RECIPES.items() if r.export] if args.model == "all" else [args.model]
    for name in names:
        obtain(name, args, args.model == "all")


if __name__ == "__main__":
    main()
