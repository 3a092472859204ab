"""Knows how to build two hosts and the wire between them on one Linux machine, and how to capture there.

Everything lives in three network namespaces of its own, removed at the end, also after a failure:

    client 198.18.0.1  c0 <-> w0  wire  w1 <-> s0  198.18.0.2 server
           2001:db8::1                             2001:db8::2

The wire is a thread that carries each frame across after a delay and asks a rule first whether it may pass.
"""

import ctypes
import os
import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from heapq import heappop, heappush
from select import select

CLIENT, SERVER = "198.18.0.1", "198.18.0.2"
CLIENT6, SERVER6 = "2001:db8::1", "2001:db8::2"
CLIENT_MAC, SERVER_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
CLONE_NEWNET = 0x40000000
TO_SERVER, TO_CLIENT = "to server", "to client"
libc = ctypes.CDLL(None, use_errno=True)


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


@contextmanager
def inside(namespace):
    """What is opened or started here belongs to this namespace, and stays there afterwards."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        enter(there)
        yield
    finally:
        enter(home)
        os.close(home)
        os.close(there)


def enter(descriptor):
    if libc.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def tcp_flags(frame):
    """The flags byte of a TCP segment in an IPv4 frame, else 0."""
    is_tcp = frame[12:14] == b"\x08\x00" and frame[23] == 6
    return frame[47] if is_tcp else 0


class Network:
    """Two hosts and a wire. `delay` in seconds, each way. Without a wire the hosts are joined directly."""

    def __init__(self, delay=0.005, wire=True, offload=False):
        self.delay, self.with_wire, self.offload = delay, wire, offload
        self.names = [f"tcpscope-{os.getpid()}-{part}" for part in ("client", "server", "wire")]
        self.client, self.server, self.middle = self.names
        self.rule = lambda direction, frame: True
        self.last = {}  # the last TCP segment that entered the wire, by direction
        self.open = []
        self.stopping = False

    def __enter__(self):
        try:
            self.build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stopping = True
        for thing in self.open:
            thing.join() if isinstance(thing, threading.Thread) else thing.close()
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)

    def build(self):
        for name in self.names:
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        if self.with_wire:
            self.join(self.client, "c0", self.middle, "w0")
            self.join(self.server, "s0", self.middle, "w1")
        else:
            self.join(self.client, "c0", self.server, "s0")
        ends = [
            (self.client, "c0", CLIENT_MAC, CLIENT, CLIENT6, SERVER, SERVER6, SERVER_MAC),
            (self.server, "s0", SERVER_MAC, SERVER, SERVER6, CLIENT, CLIENT6, CLIENT_MAC),
        ]
        for name, link, mac, ip4, ip6, peer4, peer6, peer_mac in ends:
            run("ip", "-n", name, "link", "set", link, "address", mac)
            run("ip", "-n", name, "address", "add", f"{ip4}/24", "dev", link)
            run("ip", "-n", name, "address", "add", f"{ip6}/64", "dev", link, "nodad")
            run("ip", "-n", name, "link", "set", link, "up")
            for peer in (peer4, peer6):
                run("ip", "-n", name, "neigh", "add", peer, "lladdr", peer_mac, "dev", link)
        # Answers to spoofed addresses go to the client, which throws them away.
        run("ip", "-n", self.server, "route", "add", "198.19.0.0/16", "via", CLIENT)
        if self.with_wire:
            self.start_wire()

    def join(self, left, left_link, right, right_link):
        """A pair of virtual Ethernet devices. Without offload, what is captured is what a wire would carry."""
        peer = ["peer", "name", right_link, "netns", right]
        run("ip", "-n", left, "link", "add", left_link, "type", "veth", *peer)
        for name, link in ((left, left_link), (right, right_link)):
            if not self.offload:
                off = "tx off tso off gso off gro off".split()
                run("ip", "netns", "exec", name, "ethtool", "-K", link, *off)
            run("ip", "-n", name, "link", "set", link, "up")

    def set(self, host, name, value):
        """Sets one sysctl of one host, for instance `net.set(net.server, "tcp_syncookies", 0)`."""
        with inside(host), open(f"/proc/sys/net/ipv4/{name}", "w") as file:
            file.write(str(value))

    def start_wire(self):
        self.ports = {TO_SERVER: self.packet_socket("w1"), TO_CLIENT: self.packet_socket("w0")}
        thread = threading.Thread(target=self.carry, daemon=True)
        thread.start()
        self.open.insert(0, thread)

    def packet_socket(self, link):
        with inside(self.middle):
            port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        port.bind((link, 0))
        port.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
        self.open.append(port)
        return port

    def carry(self):
        """The wire: frames leave in the order of their due times."""
        onward = {self.ports[TO_CLIENT]: TO_SERVER, self.ports[TO_SERVER]: TO_CLIENT}
        waiting, count = [], 0
        while not self.stopping:
            pause = 0.05 if not waiting else max(0, waiting[0][0] - time.monotonic())
            for port in select(list(onward), [], [], min(pause, 0.05))[0]:
                frame, address = port.recvfrom(65535)
                if address[2] == socket.PACKET_OUTGOING:
                    continue
                direction, count = onward[port], count + 1
                if tcp_flags(frame):
                    self.last[direction] = frame
                if self.rule(direction, frame):
                    heappush(waiting, (time.monotonic() + self.delay, count, direction, frame))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, direction, frame = heappop(waiting)
                self.ports[direction].send(frame)

    def inject(self, direction, frame):
        """Puts a frame on the wire that neither host sent."""
        self.ports[direction].send(frame)

    def tcp(self, host, family=socket.AF_INET):
        """A TCP socket of this host that waits at most 10 s for anything."""
        with inside(host):
            sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.settimeout(10)
        self.open.append(sock)
        return sock

    def listen(self, port=80, backlog=128, address=SERVER, host=None, options=()):
        sock = self.tcp(host or self.server, family_of(address))
        for option in options:
            sock.setsockopt(*option)
        sock.bind((address, port))
        sock.listen(backlog)
        return sock

    def dial(self, port=40000, to=(SERVER, 80), address=CLIENT, options=(), wait=True):
        """Connects from this client port; with `wait=False` the first SYN is sent and nothing awaited."""
        sock = self.tcp(self.client, family_of(address))
        for option in options:
            sock.setsockopt(*option)
        sock.bind((address, port))
        if not wait:
            sock.setblocking(False)
        try:
            sock.connect(to)
        except BlockingIOError:
            pass
        return sock

    def connect(self, port=40000, **options):
        """A client and the server's socket for it."""
        listener = self.listen()
        client = self.dial(port, **options)
        return client, self.accept(listener)

    def accept(self, listener):
        """The server's socket of the next connection; it stays open until closed, also when nobody holds it."""
        server, _ = listener.accept()
        server.settimeout(10)
        self.open.append(server)
        return server

    @contextmanager
    def capture(self, path, host=None, link="c0", snaplen=2048, program="tcpdump", options=()):
        """Captures TCP at the client, or where it is told, and insists that tcpdump lost nothing."""
        words = {
            "tcpdump": ["tcpdump", "--immediate-mode", "-B", "16384", "-Z", "root", *options],
            "dumpcap": ["dumpcap", "-q", *options],
        }[program]
        words += ["-i", link, "-s", str(snaplen), "-w", path, "-f" * (program == "dumpcap"), "tcp"]
        words = [word for word in words if word]
        ready = {"tcpdump": "listening on", "dumpcap": "File:"}[program]
        with inside(host or self.client):
            process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        line = ""
        while ready not in line:
            line = process.stderr.readline()
            if not line:
                raise RuntimeError(f"{program} did not start: {' '.join(words)}")
        try:
            time.sleep(0.2)
            yield
            time.sleep(0.3)
        finally:
            process.send_signal(signal.SIGINT)
            report = process.communicate(timeout=10)[1]
        if program == "tcpdump" and "\n0 packets dropped by kernel" not in report:
            raise RuntimeError(f"{path}: packets were lost\n{report}")


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET
