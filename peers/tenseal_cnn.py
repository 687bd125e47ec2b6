#!/usr/bin/env python3
"""Latency and traffic of the convolutional network that TenSEAL's tutorial runs under CKKS.

    python3 tenseal_cnn.py [--runs N] [--threads N]

prints one JSON object. The network: convolution 7x7 stride 3 with 4 maps on a 28 x 28 image, square, FC 64, square,
FC 10; n = 8192, the tutorial's moduli and scale. Weights are random: the latency does not depend on them. The server
computes on the ciphertext and never decrypts; both parties are this process, and bytes are those of the serialised
objects that would travel.
"""

import argparse
import json
import time

import numpy as np
import tenseal as ts

SCALE_BITS = 26
MODULI = [31, *[SCALE_BITS] * 6, 31]
IMAGE, KERNEL, STRIDE, MAPS, HIDDEN, LABELS = 28, 7, 3, 4, 64, 10


def main():
    parser = argparse.ArgumentParser(description="Measures TenSEAL's tutorial network.")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="threads of TenSEAL")
    arguments = parser.parse_args()

    random = np.random.default_rng(1)
    side = (IMAGE - KERNEL) // STRIDE + 1
    kernels = random.normal(0, 0.1, (MAPS, KERNEL, KERNEL))
    hidden = random.normal(0, 0.05, (MAPS * side * side, HIDDEN))
    last = random.normal(0, 0.1, (HIDDEN, LABELS))
    image = random.random((IMAGE, IMAGE))

    start = time.perf_counter()
    context = ts.context(
        ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=MODULI, n_threads=arguments.threads
    )
    context.global_scale = 2**SCALE_BITS
    context.generate_galois_keys()
    keys_ms = (time.perf_counter() - start) * 1e3
    keys_bytes = len(context.serialize(save_secret_key=False))

    times, traffic, result = [], 0, None
    for _ in range(arguments.runs):
        start = time.perf_counter()
        encrypted, windows = ts.im2col_encoding(context, image.tolist(), KERNEL, KERNEL, STRIDE)
        maps = [encrypted.conv2d_im2col(kernel.tolist(), windows) for kernel in kernels]
        x = ts.CKKSVector.pack_vectors(maps)
        x.square_()
        x = x.mm(hidden.tolist())
        x.square_()
        x = x.mm(last.tolist())
        result = x.decrypt()
        times.append((time.perf_counter() - start) * 1e3)
        traffic = len(encrypted.serialize()) + len(x.serialize())

    columns = [
        image[STRIDE * i : STRIDE * i + KERNEL, STRIDE * j : STRIDE * j + KERNEL]
        for i in range(side)
        for j in range(side)
    ]
    plain = np.array([[(kernel * column).sum() for column in columns] for kernel in kernels]).reshape(-1)
    plain = ((plain**2) @ hidden) ** 2 @ last
    error = float(np.abs(np.array(result) - plain).max())
    print(
        json.dumps(
            {
                "system": f"tenseal {ts.__version__}",
                "network": "tutorial",
                "runs": arguments.runs,
                "threads": arguments.threads,
                "cold_ms": round(keys_ms, 1),
                "steady_ms": round(sorted(times)[len(times) // 2], 1),
                "cold_bytes": keys_bytes,
                "steady_bytes": traffic,
                "largest_error": error,
            }
        )
    )


if __name__ == "__main__":
    main()
