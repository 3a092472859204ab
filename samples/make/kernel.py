#!/usr/bin/env python3
"""Knows the samples made by real Linux TCP, one function each.

    sudo python3 kernel.py            makes all of them again, in the folder above (about two minutes)
    sudo python3 kernel.py NAME ...   makes only these, for instance zero-window

Needs root, Python 3.9 or later, iproute2, ethtool, tcpdump; dumpcap for pcapng-format, nmap for port-scan,
gzip and zstd for the two compressed samples. Nothing leaves the namespaces of network.py.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from network import (
    CLIENT, CLIENT6, CLIENT_MAC, SERVER, SERVER6, SERVER_MAC, TO_CLIENT, TO_SERVER, Network, inside, tcp_flags,
)
from packet import SYN_OPTIONS, ethernet, ipv4, segment, without_machine

SAMPLES = Path(__file__).resolve().parent.parent
REQUEST = b"GET / HTTP/1.0\r\n\r\n"
RESPONSE = b"HTTP/1.0 200 OK\r\n\r\nhello\n"
LINGER_0 = (socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))
TCP_REPAIR = 19  # a socket closed in this mode sends nothing: it is gone as after a power cut
KERNEL = {}


def sample(file, network=None, **capture):
    """Registers a sample: its file, and how its network and its capture differ from the usual ones."""

    def register(make):
        KERNEL[Path(file).stem] = (file, network or {}, capture, make)
        return make

    return register


# Talking: each end's calls stand in the order of time.


def exchange(client, server):
    client.sendall(REQUEST)
    server.recv(2000)
    server.sendall(RESPONSE)
    client.recv(2000)


def close(first, second, pause=0.06):
    """An orderly close: `first` ends in TIME_WAIT. After the pause the ACK of its FIN has gone out on its own."""
    first.close()
    while second.recv(65536):
        pass
    time.sleep(pause)
    second.close()
    time.sleep(0.1)


def receive(sock, count):
    """Receives exactly `count` bytes."""
    while count > 0:
        count -= len(sock.recv(count))


# Opening and closing.


@sample("handshake-and-close.pcap")
def handshake_and_close(net):
    client, server = net.connect()
    exchange(client, server)
    close(client, server)


@sample("server-closes-first.pcap")
def server_closes_first(net):
    client, server = net.connect()
    exchange(client, server)
    close(server, client)


@sample("three-segment-close.pcap")
def three_segment_close(net):
    client, server = net.connect()
    exchange(client, server)
    close(client, server, pause=0)


@sample("half-close.pcap")
def half_close(net):
    client, server = net.connect()
    client.sendall(REQUEST)
    server.recv(2000)
    client.shutdown(socket.SHUT_WR)
    for _ in range(5):
        time.sleep(0.2)
        server.sendall(RESPONSE)
    close(server, client)


@sample("abort-linger0.pcap")
def abort_linger0(net):
    client, server = net.connect(options=[LINGER_0])
    exchange(client, server)
    client.close()
    time.sleep(0.1)


@sample("unread-data-reset.pcap")
def unread_data_reset(net):
    client, server = net.connect()
    client.sendall(REQUEST)
    time.sleep(0.1)
    server.close()
    time.sleep(0.1)


@sample("refused.pcap")
def refused(net):
    try:
        net.dial(to=(SERVER, 81))
    except ConnectionRefusedError:
        pass


@sample("syn-unanswered.pcap")
def syn_unanswered(net):
    net.rule = lambda direction, frame: direction != TO_SERVER
    net.dial(wait=False)
    time.sleep(7.5)


@sample("lost-syn-ack.pcap")
def lost_syn_ack(net):
    """The wire loses the first SYN+ACK; after a second both ends repeat theirs."""
    net.rule = lose_first(TO_CLIENT)
    handshake_and_close(net)


@sample("lost-handshake-ack.pcap")
def lost_handshake_ack(net):
    """The wire loses the client's final ACK of the handshake; its data 50 ms later does the same work."""
    net.rule = lose_first(TO_SERVER, after=1)
    listener = net.listen()
    client = net.dial()
    time.sleep(0.05)
    client.sendall(REQUEST)
    server = net.accept(listener)
    server.recv(2000)
    close(client, server)


def lose_first(direction, after=0, count=1):
    """A rule for the wire: of the TCP segments in this direction, pass `after` and then lose `count`."""
    seen = []

    def rule(way, frame):
        if way != direction or not tcp_flags(frame):
            return True
        seen.append(frame)
        return not after < len(seen) <= after + count

    return rule


@sample("fast-open.pcap")
def fast_open(net):
    """The first connection asks for a cookie, the second one sends data in its SYN."""
    for host in (net.client, net.server):
        net.set(host, "tcp_fastopen", 3)
    listener = net.listen(options=[(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 5)])
    for port in (40000, 40001):
        client = net.tcp(net.client)
        client.bind((CLIENT, port))
        client.settimeout(None)
        client.sendto(REQUEST, socket.MSG_FASTOPEN, (SERVER, 80))
        server = net.accept(listener)
        server.recv(2000)
        server.sendall(RESPONSE)
        client.recv(2000)
        close(client, server)


@sample("ipv6.pcap")
def ipv6(net):
    listener = net.listen(address=SERVER6)
    client = net.dial(to=(SERVER6, 80), address=CLIENT6)
    server = net.accept(listener)
    exchange(client, server)
    close(client, server)


@sample("ipv6-refused.pcap")
def ipv6_refused(net):
    try:
        net.dial(to=(SERVER6, 81), address=CLIENT6)
    except ConnectionRefusedError:
        pass


@sample("ecn.pcap")
def ecn(net):
    for host in (net.client, net.server):
        net.set(host, "tcp_ecn", 1)
    handshake_and_close(net)


# One end is gone and the other does not know.


@sample("desynchronized.pcap")
def desynchronized(net):
    client, server = net.connect()
    exchange(client, server)
    time.sleep(0.1)
    server.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    server.close()
    time.sleep(0.3)
    client.sendall(REQUEST)
    time.sleep(0.1)


@sample("desynchronized-reconnect.pcap")
def desynchronized_reconnect(net):
    listener = net.listen()
    client = net.dial()
    old_server = net.accept(listener)
    exchange(client, old_server)
    client.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    client.close()
    time.sleep(1)
    client = net.dial()
    server = net.accept(listener)
    exchange(client, server)
    close(client, server)


# TIME_WAIT.


@sample("time-wait-reuse.pcap")
def time_wait_reuse(net):
    for _ in range(2):
        listener = net.listen()
        client = net.dial()
        server = net.accept(listener)
        listener.close()
        exchange(client, server)
        close(client, server)
        time.sleep(0.3)


@sample("time-wait-reopened.pcap")
def time_wait_reopened(net):
    listener = net.listen()
    for _ in range(2):
        client = net.dial()
        server = net.accept(listener)
        exchange(client, server)
        close(server, client)
        time.sleep(0.3)


@sample("time-wait-refused.pcap", network=dict(wire=False), snaplen=80)
def time_wait_refused(net):
    """Without timestamps, and faster than the clock behind the initial sequence numbers (one step in 64 ns)."""
    for host in (net.client, net.server):
        net.set(host, "tcp_timestamps", 0)
    listener = net.listen()
    client = net.dial()
    server = net.accept(listener)
    for _ in range(4):
        client.sendall(bytes(65536))
        receive(server, 65536)
    server.close()
    client.recv(1)
    client.close()
    time.sleep(0.001)
    client = net.dial()
    server = net.accept(listener)
    exchange(client, server)
    close(client, server)


@sample("lost-final-ack.pcap")
def lost_final_ack(net):
    """The wire loses the first two answers to the server's FIN."""
    client, server = net.connect()
    exchange(client, server)
    client.close()
    server.recv(1)
    net.rule = lose_first(TO_SERVER, count=2)
    server.close()
    time.sleep(1)


# The two queues of a listener.


@sample("accept-queue-overflow.pcap")
def accept_queue_overflow(net):
    """Room for two with a backlog of 1. Two SYNs find one place left, so one final ACK comes too late."""
    net.set(net.server, "tcp_syncookies", 0)
    fill_accept_queue(net)
    time.sleep(7.5)


@sample("accept-queue-overflow-abort.pcap")
def accept_queue_overflow_abort(net):
    net.set(net.server, "tcp_syncookies", 0)
    net.set(net.server, "tcp_abort_on_overflow", 1)
    fill_accept_queue(net)
    time.sleep(1)


@sample("accept-queue-overflow-cookies.pcap")
def accept_queue_overflow_cookies(net):
    """Six SYNs at once: two get a place in the SYN queue, four a SYN cookie; nobody accepts."""
    net.listen(backlog=1)
    clients = [net.dial(40000 + number, wait=False) for number in range(6)]
    time.sleep(0.2)
    for client in clients:
        client.send(REQUEST)
    time.sleep(4)


def fill_accept_queue(net):
    net.listen(backlog=1)
    net.dial(40000)
    clients = [net.dial(port, wait=False) for port in (40001, 40002)]
    time.sleep(0.1)
    for client in clients:
        try:
            client.send(REQUEST)
        except OSError:
            pass  # already reset
    net.dial(40003, wait=False)


@sample("defer-accept.pcap")
def defer_accept(net):
    """The server wants data before it believes the final ACK; it comes after 4 s."""
    listener = net.listen(options=[(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 5)])
    client = net.dial()
    time.sleep(4)
    client.sendall(REQUEST)
    server = net.accept(listener)
    close(client, server)


# Data.


@sample("loss-2pct.pcap", snaplen=96)
def loss_2pct(net):
    chance = {TO_SERVER: random.Random(5), TO_CLIENT: random.Random(4)}
    net.rule = lambda direction, frame: not tcp_flags(frame) or chance[direction].random() >= 0.02
    client, server = net.connect()
    for _ in range(4):
        client.sendall(bytes(50_000))
        receive(server, 50_000)
    close(client, server)


@sample("keep-alive.pcap")
def keep_alive(net):
    client, server = net.connect(options=KEEP_ALIVE)
    exchange(client, server)
    time.sleep(3.5)
    close(client, server)


@sample("keep-alive-fails.pcap")
def keep_alive_fails(net):
    client, server = net.connect(options=KEEP_ALIVE)
    exchange(client, server)
    net.rule = lambda direction, frame: direction != TO_CLIENT
    time.sleep(4.5)


KEEP_ALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
]


@sample("zero-window.pcap", snaplen=128)
def zero_window(net):
    listener = net.listen(options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)])
    client = net.dial()
    server = net.accept(listener)
    client.sendall(bytes(30_000))
    time.sleep(2.5)
    receive(server, 30_000)
    close(client, server)


@sample("offload-large-segments.pcap", network=dict(wire=False, offload=True), snaplen=128)
def offload_large_segments(net):
    client, server = net.connect()
    client.sendall(REQUEST)
    server.recv(2000)
    server.sendall(bytes(100_000))
    receive(client, 100_000)
    close(client, server)


@sample("many-short-connections.pcap", network=dict(delay=0.001))
def many_short_connections(net):
    listener = net.listen()
    for number in range(60):
        client = net.dial(40000 + number)
        server = net.accept(listener)
        exchange(client, server)
        server.close()
        client.recv(1)
        client.close()


@sample("long-pooled-connection.pcap")
def long_pooled_connection(net):
    """Three connections of one pool; the capture ends while one is still in use."""
    listener = net.listen()
    pool = []
    for port in (40000, 40001, 40002):
        client = net.dial(port)
        pool.append((client, net.accept(listener)))
    for turn in range(12):
        exchange(*pool[turn % 3])
        time.sleep(0.4)
    close(*pool[1])
    close(*pool[2])


# Capture formats and places.


@sample("loopback.pcap", host="client", link="lo")
def loopback(net):
    listener = net.listen(address="127.0.0.1", host=net.client)
    client = net.dial(to=("127.0.0.1", 80), address="127.0.0.1")
    server = net.accept(listener)
    exchange(client, server)
    close(client, server)


@sample("any-interface.pcap", link="any", options=["-y", "LINUX_SLL2"])
def any_interface(net):
    """One connection over c0 and one over lo, in one file."""
    handshake_and_close(net)
    loopback(net)


@sample("any-interface-sll.pcap", link="any", options=["-y", "LINUX_SLL"])
def any_interface_sll(net):
    handshake_and_close(net)


@sample("nanoseconds.pcap", options=["--time-stamp-precision=nano"])
def nanoseconds(net):
    handshake_and_close(net)


@sample("pcapng-format.pcapng", program="dumpcap")
def pcapng_format(net):
    handshake_and_close(net)


# Attacks, on ourselves.


def nmap(net, words, targets=SERVER):
    """Runs nmap at the client, against hosts of this network only."""
    words = ["nmap", "-n", "-Pn", "--disable-arp-ping", *words.split(), targets]
    with inside(net.client):
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


@sample("port-scan.pcap")
def port_scan(net):
    for port in (22, 25, 80):
        net.listen(port)
    nmap(net, "-sS -p 21-80")


@sample("connect-scan.pcap")
def connect_scan(net):
    for port in (22, 25):
        net.listen(port)
    nmap(net, "-sT -p 21-50")


@sample("stealth-scan.pcap")
def stealth_scan(net):
    net.listen(22)
    for kind in ("-sN", "-sF", "-sX", "-sM", "-sA"):
        nmap(net, f"{kind} -p 21-32")


@sample("horizontal-scan.pcap")
def horizontal_scan(net):
    """Forty addresses, all the server's link; it has three of them, and drops what is for the others."""
    prefix = SERVER.rsplit(".", 1)[0]
    for last in range(10, 50):
        subprocess.run(
            ["ip", "-n", net.client, "neigh", "add", f"{prefix}.{last}", "lladdr", SERVER_MAC, "dev", "c0"], check=True
        )
    for last in (10, 20, 30):
        subprocess.run(["ip", "-n", net.server, "address", "add", f"{prefix}.{last}/24", "dev", "s0"], check=True)
    net.listen(22, address=f"{prefix}.10")
    nmap(net, "-sS -p 22", f"{prefix}.10-49")


@sample("os-detection.pcap")
def os_detection(net):
    net.listen(22)
    nmap(net, "-O --max-os-tries 1 -p 22,81")


@sample("syn-flood.pcap", snaplen=96)
def syn_flood(net):
    net.set(net.server, "tcp_syncookies", 0)
    flood(net)


@sample("syn-flood-cookies.pcap", snaplen=96)
def syn_flood_cookies(net):
    net.set(net.server, "tcp_syncookies", 1)
    flood(net)


def flood(net, count=400):
    """100 spoofed SYNs a second for 4 s; ten honest clients (40000 to 40009) connect meanwhile."""
    chance = random.Random(1)
    net.listen(backlog=16)
    with inside(net.client):
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    raw.bind(("c0", 0))
    net.open.append(raw)
    honest = 0
    for number in range(count):
        source = (f"198.19.{chance.randrange(256)}.{chance.randrange(1, 255)}", chance.randrange(1024, 65536))
        tcp = segment(source, (SERVER, 80), "S", chance.randrange(2**32), window=512, options=SYN_OPTIONS[:4])
        raw.send(ethernet(CLIENT_MAC, SERVER_MAC, ipv4(source[0], SERVER, tcp, ident=number, ttl=55)))
        if number % 40 == 39:
            net.dial(40000 + honest, wait=False)
            honest += 1
        time.sleep(0.01)
    time.sleep(0.5)


@sample("injected-reset.pcap")
def injected_reset(net):
    """Somebody on the path resets the client in the server's name; the server knows nothing and sends on."""
    client, server = net.connect()
    exchange(client, server)
    client.sendall(REQUEST)
    server.recv(2000)
    time.sleep(0.05)
    ack, seq = numbers(net.last[TO_CLIENT]), numbers(net.last[TO_SERVER])
    net.inject(TO_CLIENT, forged((SERVER, 80), (CLIENT, 40000), "R.", seq=ack[0], ack=ack[1]))
    time.sleep(0.02)
    server.sendall(RESPONSE)
    time.sleep(0.1)


@sample("blind-reset.pcap", host="server", link="s0")
def blind_reset(net):
    """An outsider guesses sequence numbers inside the window; each guess draws a challenge ACK."""
    client, server = net.connect()
    exchange(client, server)
    time.sleep(0.1)
    seq, _ = numbers(net.last[TO_SERVER])
    for guess in range(1, 6):
        net.inject(TO_SERVER, forged((CLIENT, 40000), (SERVER, 80), "R", seq=seq + guess * 4000))
        time.sleep(0.6)
    exchange(client, server)
    close(client, server)


def numbers(frame):
    """SEG.SEQ and SEG.ACK of a TCP segment in an IPv4 frame."""
    return int.from_bytes(frame[38:42], "big"), int.from_bytes(frame[42:46], "big")


def forged(src, dst, flags, seq, ack=0):
    macs = (SERVER_MAC, CLIENT_MAC) if src[0] == SERVER else (CLIENT_MAC, SERVER_MAC)
    tcp = segment(src, dst, flags, seq, ack, window=0)
    return ethernet(*macs, ipv4(src[0], dst[0], tcp, ident=0xBEEF, ttl=37))


def make(name):
    file, network, capture, scenario = KERNEL[name]
    path = SAMPLES / file
    with Network(**network) as net:
        capture = {**capture, "host": {"server": net.server}.get(capture.get("host"), net.client)}
        with net.capture(str(path), **capture):
            scenario(net)
    if name == "handshake-and-close":
        subprocess.run(["gzip", "-9", "-k", "-f", "-n", path], check=True)
        subprocess.run(["zstd", "-19", "-q", "-f", path], check=True)
    if path.suffix == ".pcapng":
        path.write_bytes(without_machine(path.read_bytes()))
        path.chmod(0o644)


def main(names):
    if os.geteuid():
        sys.exit("network namespaces need root\nhint: sudo python3 kernel.py")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the namespaces are removed
    for name in names or KERNEL:
        if name not in KERNEL:
            sys.exit(f"no kernel sample is called {name}\nhint: {', '.join(KERNEL)}")
        print(name, flush=True)
        make(name)


if __name__ == "__main__":
    main(sys.argv[1:])
