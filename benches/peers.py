#!/usr/bin/env python3
"""Runs tcpscope and its peers in turn on captures, and prints what each takes and whether our bounds hold.

usage: benches/peers.py [--program PATH] [--runs N] [--only NAMES] [--timeout SECONDS] [--memory GIB] CAPTURE...

A capture's kind is the beginning of its file's name: web, bulk, mix or flood; other names are measured without bounds.
CPU time is user and system time; every figure is the median of all runs. Programs run one after the other, and all of
them once before any of them again, so that what else happens on the machine meets each alike. Compare ratios of one run
of this script, never absolute figures of two.
"""

import argparse
import collections
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading

# Name, and the command; F is the capture, D an empty folder.
PEERS = [
    ("cat", ["cat", "F"]),
    ("tcpdump -w", ["tcpdump", "-nr", "F", "-w", "/dev/null"]),
    ("capinfos -c", ["capinfos", "-c", "F"]),
    # Room for all flows, of which it would forget most with the default of 8,192; IPv6 too.
    ("softflowd", ["softflowd", "-6", "-d", "-m", "20000000", "-p", "D/pid", "-c", "none", "-r", "F"]),
    ("nfpcapd", ["nfpcapd", "-r", "F", "-w", "D"]),
    ("argus", ["argus", "-r", "F", "-w", "/dev/null"]),
    # Without asking for names and services.
    ("tcptrace", ["tcptrace", "-n", "F"]),
    ("tcptrace -l", ["tcptrace", "-n", "-l", "F"]),
    ("tshark conv,tcp", ["tshark", "-r", "F", "-q", "-z", "conv,tcp"]),
]
ONE, TWO = "tcpscope, 1 thread", "tcpscope, 2 threads"

# Kinds, what is divided by what, and how high it may be: first, then.
CPU, WALL = "cpu", "wall"
RATIOS = [
    (("web", "mix", "bulk"), CPU, ONE, "tcpdump -w", 2.0, 1.0),
    (("flood",), CPU, ONE, "tcpdump -w", 6.0, 3.0),
    (("web", "mix"), CPU, ONE, "tcptrace", 0.35, 0.125),
    (("flood",), CPU, ONE, "argus", 0.06, 0.02),
    (("web", "mix"), WALL, TWO, ONE, 0.85, 0.75),
    (("bulk",), WALL, TWO, ONE, None, 1.1),
]
# MiB: first, then.
PEAKS = {"mix": (700, 350), "flood": (512, 300)}
# From about a million packets of a mix to about twelve: first, then.
GROWTH = (1.3, 1.1)

Cost = collections.namedtuple("Cost", "cpu wall peak")


def main():
    args = arguments()
    programs = [(ONE, ours(args.program, 1)), (TWO, ours(args.program, 2)), *installed(args.only)]
    table = {}
    for capture in args.captures:
        packets = count(args.program, capture)
        costs = measure(programs, capture, args)
        table[capture] = (packets, costs)
        print_costs(capture, packets, costs)
    failed = sum(print_bounds(capture, costs) for capture, (_, costs) in table.items())
    failed += print_growth(table)
    sys.exit(1 if failed else 0)


def arguments():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(here / "target/release/tcpscope"), help="tcpscope to measure")
    parser.add_argument("--runs", type=int, default=5, help="how often each program runs (5)")
    parser.add_argument("--only", help="these peers, by the first word, with commas between")
    parser.add_argument("--timeout", type=float, default=600, help="seconds after which a run is ended (600)")
    parser.add_argument("--memory", type=float, default=16, help="GiB of address space a program may have (16)")
    parser.add_argument("captures", nargs="+", metavar="CAPTURE")
    args = parser.parse_args()
    if not os.access(args.program, os.X_OK):
        parser.error(f"no program at {args.program}: cargo build --release, or --program PATH")
    return args


def ours(program, threads):
    return [program, "read", "F", "--format", "ndjson", "--threads", str(threads), "-q", "-o", "/dev/null"]


def installed(only):
    """The peers that are here; a word about each that is not."""
    wanted = only.split(",") if only else None
    found = []
    for name, command in PEERS:
        if wanted is not None and command[0] not in wanted:
            continue
        if shutil.which(command[0], path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            found.append((name, command))
        else:
            print(f"{name}: not installed, left out", file=sys.stderr)
    return found


def count(program, capture):
    """Packets in a capture, as the program's last line tells."""
    command = [program, "read", capture, "--format", "ndjson", "-q"]
    last = b""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        for last in process.stdout:
            pass
    return json.loads(last)["packets"]


def measure(programs, capture, args):
    """The median cost of each program, None for one that failed."""
    runs = {name: [] for name, _ in programs}
    for _ in range(args.runs):
        for name, command in programs:
            # What failed once is not tried again.
            if None not in runs[name]:
                runs[name].append(run(name, command, capture, args))
    middle = lambda costs: Cost(*(statistics.median(column) for column in zip(*costs)))
    return {name: None if None in costs else middle(costs) for name, costs in runs.items()}


def run(name, command, capture, args):
    """The cost of one run."""
    limit = int(args.memory * (1 << 30))
    with tempfile.TemporaryDirectory() as folder:
        words = {"F": capture, "D": folder, "D/pid": f"{folder}/pid"}
        process = subprocess.Popen(
            [words.get(word, word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        )
        timer = threading.Timer(args.timeout, process.kill)
        timer.start()
        before = os.times().elapsed
        _, status, usage = os.wait4(process.pid, 0)
        wall = os.times().elapsed - before
        timer_left = timer.is_alive()
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        why = f"ended after {args.timeout:.0f} s" if not timer_left else f"exit {process.returncode}"
        print(f"{name} on {capture}: {why}, left out", file=sys.stderr)
        return None
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def print_costs(capture, packets, costs):
    print(f"\n{pathlib.Path(capture).name}: {packets:,} packets")
    print(f"{'':20} {'CPU ns/packet':>14} {'wall s':>8} {'peak MiB':>9}")
    for name, cost in costs.items():
        if cost is None:
            print(f"{name:20} {'fails':>14}")
        else:
            print(f"{name:20} {cost.cpu * 1e9 / packets:>14,.0f} {cost.wall:>8.2f} {cost.peak:>9,.0f}")
    sys.stdout.flush()


def kind(capture):
    name = pathlib.Path(capture).name
    return next((kind for kind in ("web", "bulk", "mix", "flood") if name.startswith(kind)), None)


def print_bounds(capture, costs):
    """Prints each bound for this kind of capture; how many do not hold."""
    failed = 0
    name = pathlib.Path(capture).name
    for kinds, what, ours, theirs, first, then in RATIOS:
        if kind(capture) in kinds and costs.get(ours) and costs.get(theirs):
            ratio = getattr(costs[ours], what) / getattr(costs[theirs], what)
            failed += print_bound(f"{name}: {what} of {ours} against {theirs}", ratio, first, then)
    if kind(capture) in PEAKS and costs[ONE]:
        failed += print_bound(f"{name}: peak MiB of {ONE}", costs[ONE].peak, *PEAKS[kind(capture)])
    return failed


def print_growth(table):
    """CPU per packet of the longest mix against the shortest."""
    mixes = [(packets, costs[ONE].cpu / packets, capture) for capture, (packets, costs) in table.items()
             if kind(capture) == "mix" and costs[ONE]]
    if len(mixes) < 2:
        return 0
    short, long = min(mixes), max(mixes)
    what = f"mix: cpu per packet of {long[0]:,} packets against {short[0]:,}"
    return print_bound(what, long[1] / short[1], *GROWTH)


def print_bound(what, value, first, then):
    passes = lambda bound: "-" if bound is None else f"{'holds' if value <= bound else 'FAILS'} (<= {bound})"
    shown = f"{value:.0f}" if value >= 100 else f"{value:.3f}"
    print(f"{what:74} {shown:>8}   first {passes(first):18} then {passes(then)}")
    return first is not None and value > first


if __name__ == "__main__":
    main()
