#!/usr/bin/env python3
"""Latency and traffic of SPU's two-party protocol Cheetah on one network, over loopback.

    python3 cheetah.py --network NETWORK [--runs N] [--timeout SECONDS] [--owned]

prints one JSON object. What is timed is a run of the compiled program in two fresh processes, each with a share of the
image and of all weights; making the shares and joining those of the result is left out, and so is starting Python.
`cold_ms` is the first run with everything that it sets up (keys, base transfers), `steady_ms` the median of the later
ones. Bytes are those of TCP's payload, both directions, read from the kernel's counters of the open connections.

By default image and weights are secret-shared, as SPU's examples have it. `--owned` tells SPU that the image is the
first party's and the weights are the second's, and turns on an experimental option that makes use of it.

A party is a process of its own, not a fork: forking after jax has been imported hangs. Runs of SPU have been seen to
hang as well, hence the time-out.
"""

import argparse
import asyncio
import json
import os
import pickle
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

# Offsets of tcpi_bytes_acked and tcpi_bytes_received in Linux's struct tcp_info.
BYTES_ACKED, BYTES_RECEIVED = 120, 128

# Seconds by which the second measurement holds back every byte, for the number of rounds.
DELAY = 0.05


def configuration(spu, owned):
    config = spu.RuntimeConfig(protocol=spu.ProtocolKind.CHEETAH, field=spu.FieldType.FM64, fxp_fraction_bits=18)
    config.experimental_enable_colocated_optimization = owned
    return config


def traffic():
    """Payload bytes sent and received so far over this process's TCP connections."""
    sent = received = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            with socket.socket(fileno=os.dup(int(name))) as connection:
                if connection.type != socket.SOCK_STREAM or connection.family not in (socket.AF_INET, socket.AF_INET6):
                    continue
                info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        except OSError:
            continue  # closed meanwhile
        sent += struct.unpack_from("=Q", info, BYTES_ACKED)[0]
        received += struct.unpack_from("=Q", info, BYTES_RECEIVED)[0]
    return sent, received


def party(rank, directory, runs):
    """One party: runs the program `runs` times and leaves its measurements and its share of the result."""
    import spu
    from spu import libspu

    job = pickle.loads((directory / f"job{rank}").read_bytes())
    description = libspu.link.Desc()
    description.recv_timeout_ms = 600_000
    description.http_timeout_ms = 600_000
    for number, port in enumerate(job["ports"]):
        description.add_party(f"party{number}", f"127.0.0.1:{port}")
    link = libspu.link.create_brpc(description, rank)
    executable = spu.Executable()
    executable.ParseFromString(job["executable"])
    link.barrier()
    before = traffic()
    start = time.perf_counter()
    runtime = spu.Runtime(link, configuration(spu, job["owned"]))
    measured = []
    for _ in range(runs):
        for name, (meta, chunks) in zip(executable.input_names, job["shares"]):
            share = libspu.Share()
            share.meta, share.share_chunks = meta, chunks
            runtime.set_var(name, share)
        runtime.run(executable)
        elapsed = time.perf_counter() - start
        link.barrier()
        after = traffic()
        measured.append((elapsed * 1e3, after[0] - before[0], after[1] - before[1]))
        before = after
        link.barrier()
        start = time.perf_counter()
    result = runtime.get_var(executable.output_names[0])
    (directory / f"result{rank}").write_bytes(pickle.dumps((measured, result.meta, list(result.share_chunks))))
    link.stop_link()


def free_ports(count):
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


class Delay:
    """Passes connections on to `port`, every byte `seconds` later, in a thread of its own."""

    def __init__(self, port, seconds):
        self.target, self.seconds = port, seconds
        self.loop = asyncio.new_event_loop()
        server = self.loop.run_until_complete(asyncio.start_server(self.connected, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    async def connected(self, near_reader, near_writer):
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            near_writer.close()  # the party is not there yet: who connects tries again
            return
        await asyncio.gather(self.pump(near_reader, far_writer), self.pump(far_reader, near_writer))

    async def pump(self, reader, writer):
        try:
            while data := await reader.read(1 << 20):
                self.loop.call_later(self.seconds, writer.write, data)
        except OSError:
            pass  # reset: the other side learns of it by the end
        self.loop.call_later(self.seconds, writer.close)


def run_parties(job, runs, deadline, delay=None):
    """Runs both parties; for each, its measurements and its share of the result."""
    ports = free_ports(2)
    ways = [Delay(port, delay).port for port in ports] if delay else ports
    with tempfile.TemporaryDirectory() as directory:
        directory = Path(directory)
        parties = []
        for rank in range(2):
            mine = dict(job, shares=job["shares"][rank], ports=[ports[n] if n == rank else ways[n] for n in range(2)])
            (directory / f"job{rank}").write_bytes(pickle.dumps(mine))
            command = [sys.executable, __file__, "--party", str(rank), "--directory", directory, "--runs", str(runs)]
            with open(directory / f"log{rank}", "w") as log:
                parties.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT))
        try:
            while any(process.poll() is None for process in parties):
                if any(process.poll() for process in parties):
                    break  # one has failed: the other would wait for it
                if time.monotonic() > deadline:
                    sys.exit("error: SPU did not end in time: it hangs, or --timeout is too short")
                time.sleep(0.05)
        finally:
            for process in parties:
                process.kill()
                process.wait()
        failed = [rank for rank in range(2) if not (directory / f"result{rank}").exists()]
        if failed:
            log = (directory / f"log{failed[0]}").read_text()
            sys.exit(f"error: party {failed[0]} of SPU ended with {parties[failed[0]].returncode}\n{log[-2000:]}")
        return [pickle.loads((directory / f"result{rank}").read_bytes()) for rank in range(2)]


def joined(results):
    """Milliseconds and payload bytes of each run: it ends when both have ended; one sends what the other receives."""
    runs = list(zip(results[0][0], results[1][0]))
    return [max(one[0], other[0]) for one, other in runs], [one[1] + other[1] for one, other in runs]


def steady(times):
    later = sorted(times[1:]) or times
    return later[len(later) // 2]


def measure(name, runs, timeout, owned):
    """Compiles the network, runs both parties, checks the answer and joins what was measured."""
    import networks
    import numpy as np
    import spu
    from spu.utils import frontend

    deadline = time.monotonic() + timeout
    function, image, weights = networks.make(name)
    inputs = [image, *weights]

    def program(x, *w):
        return function(x, w)

    executable, _ = frontend.compile(
        frontend.Kind.JAX,
        program,
        inputs,
        {},
        [f"in{number}" for number in range(len(inputs))],
        [spu.Visibility.VIS_SECRET] * len(inputs),
        lambda results: [f"out{number}" for number in range(len(results))],
    )
    io = spu.Io(2, configuration(spu, owned))
    owners = [0, *[1] * len(weights)] if owned else [-1] * len(inputs)
    pairs = [io.make_shares(value, spu.Visibility.VIS_SECRET, owner) for value, owner in zip(inputs, owners)]
    shares = [[(pair[rank].meta, list(pair[rank].share_chunks)) for pair in pairs] for rank in range(2)]
    job = {"executable": executable.SerializeToString(), "shares": shares, "owned": owned}

    results = run_parties(job, runs, deadline)
    times, traffic = joined(results)
    answer = []
    for _, meta, chunks in results:
        share = spu.libspu.Share()
        share.meta, share.share_chunks = meta, chunks
        answer.append(share)
    error = float(np.abs(io.reconstruct(answer) - np.asarray(program(*inputs))).max())
    if not error < 0.05:
        sys.exit(f"error: SPU's answer is off by {error}")
    delayed, _ = joined(run_parties(job, min(runs, 4), deadline, DELAY))
    return {
        "system": f"spu {spu.__version__} cheetah" + (", owned" if owned else ""),
        "network": name,
        "runs": runs,
        "cold_ms": round(times[0], 1),
        "steady_ms": round(steady(times), 1),
        "cold_bytes": traffic[0],
        "steady_bytes": traffic[-1],
        "rounds": round(max(0.0, steady(delayed) - steady(times)) / (2e3 * DELAY), 1),
        "largest_error": error,
    }


def main():
    parser = argparse.ArgumentParser(description="Measures SPU's Cheetah on a network.")
    parser.add_argument("--network", choices=["small28", "d", "cifar"], default="d")
    parser.add_argument("--runs", type=int, default=6, help="the first one is the cold start")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for all of it")
    parser.add_argument("--owned", action="store_true", help="image and weights have owners")
    parser.add_argument("--party", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--directory", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.party is not None:
        party(arguments.party, arguments.directory, arguments.runs)
    else:
        print(json.dumps(measure(arguments.network, arguments.runs, arguments.timeout, arguments.owned)))


if __name__ == "__main__":
    main()
