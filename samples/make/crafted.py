#!/usr/bin/env python3
"""Knows the samples a kernel cannot be made to produce. Writes them byte for byte the same each time.

    python3 crafted.py            makes all of them again, in the folder above
    python3 crafted.py NAME ...   makes only these, for instance simultaneous-open

Needs Python 3.9 or later and nothing else; no packet is sent.
"""

import struct
import sys
from pathlib import Path

from packet import ETHERNET, RAW_IP, SYN_OPTIONS, datagram, ethernet, ipv4, pcap, pcapng, segment

SAMPLES = Path(__file__).resolve().parent.parent
START = 1_767_225_600 * 10**9  # 2026-01-01 00:00:00 UTC, in ns
MS = 10**6
CLIENT = ("198.18.0.1", 40000)
SERVER = ("198.18.0.2", 80)
CLIENT_MAC = "02:00:00:00:00:01"
SERVER_MAC = "02:00:00:00:00:02"
REQUEST = b"GET / HTTP/1.0\r\n\r\n"
RESPONSE = b"HTTP/1.0 200 OK\r\n\r\nhello\n"


class Side:
    """One end of a connection: remembers its next sequence number, so that a script need not."""

    def __init__(self, wire, endpoint, mac, iss):
        self.wire, self.endpoint, self.mac, self.next = wire, endpoint, mac, iss
        self.ident = iss % 2**16
        self.peer = None

    def packet(self, flags, payload=b"", seq=None, ack=None, **ip_fields):
        """The IP packet this end would send now. Moves nothing."""
        seq = self.next if seq is None else seq
        ack = self.peer.next if ack is None else ack
        options = SYN_OPTIONS if "S" in flags else b""
        ack = ack if "." in flags else 0
        tcp = segment(self.endpoint, self.peer.endpoint, flags, seq, ack, payload, options=options)
        return ipv4(self.endpoint[0], self.peer.endpoint[0], tcp, ident=self.ident, **ip_fields)

    def send(self, flags, payload=b"", seq=None, ack=None, **ip_fields):
        """Sends one segment. An explicit `seq` is a repetition or a mistake: it does not move the next one."""
        packet = self.packet(flags, payload, seq, ack, **ip_fields)
        self.wire.put(self.mac, self.peer.mac, packet)
        self.ident = (self.ident + 1) % 2**16
        if seq is None:
            self.next += len(payload) + ("S" in flags) + ("F" in flags)


class Wire:
    """What the capture sees: packets 1 ms apart unless a script waits."""

    def __init__(self, time=START, tags=()):
        self.packets, self.time, self.tags = [], time, tags

    def put(self, src_mac, dst_mac, packet):
        self.packets.append((self.time, ethernet(src_mac, dst_mac, packet, self.tags)))
        self.time += MS

    def wait(self, ms):
        self.time += ms * MS

    def pair(self, client=CLIENT, server=SERVER, client_iss=1000, server_iss=500_000):
        """Two ends that know each other; nothing is sent yet."""
        one = Side(self, client, CLIENT_MAC, client_iss)
        two = Side(self, server, SERVER_MAC, server_iss)
        one.peer, two.peer = two, one
        return one, two


def handshake(client, server):
    client.send("S")
    server.send("S.")
    client.send(".")


def exchange(client, server):
    client.send("P.", REQUEST)
    server.send(".")
    server.send("P.", RESPONSE)
    client.send(".")


def close(first, second):
    """Four segments: `first` ends in TIME_WAIT."""
    first.send("F.")
    second.send(".")
    second.send("F.")
    first.send(".")


def whole_connection(wire, **ends):
    client, server = wire.pair(**ends)
    handshake(client, server)
    exchange(client, server)
    close(client, server)


def simultaneous_open():
    wire = Wire()
    one, two = wire.pair(server=("198.18.0.2", 50000))
    one.send("S")
    two.send("S")
    one.send("S.", seq=1000, ack=500_001)
    two.send("S.", seq=500_000, ack=1001)
    exchange(one, two)
    close(one, two)
    return pcap(wire.packets)


def simultaneous_close():
    wire = Wire()
    client, server = wire.pair()
    handshake(client, server)
    exchange(client, server)
    client.send("F.")
    server.send("F.", ack=client.next - 1)  # sent before the client's FIN arrived
    client.send(".")
    server.send(".")
    return pcap(wire.packets)


def vlan_qinq():
    wire = Wire(tags=[(0x88A8, 100), (0x8100, 42)])
    whole_connection(wire)
    return pcap(wire.packets)


def span_duplicates():
    wire = Wire()
    whole_connection(wire)
    twice = [(time + late, frame) for time, frame in wire.packets for late in (0, 20_000)]
    return pcap(twice)


def midstream():
    wire = Wire()
    client, server = wire.pair(client_iss=1_234_567, server_iss=7_654_321)
    for _ in range(3):
        exchange(client, server)
        wire.wait(200)
    close(client, server)
    return pcap(wire.packets)


def sequence_wrap():
    wire = Wire()
    client, server = wire.pair(client_iss=2**32 - 1, server_iss=2**32 - 3000)
    handshake(client, server)
    client.send("P.", REQUEST)
    server.send(".")
    for number in range(6):
        server.send("P.", bytes([0x61 + number]) * 1000)
        client.send(".")
    close(server, client)
    return pcap(wire.packets)


def reordered_handshake():
    wire = Wire()
    whole_connection(wire)
    (t0, syn), (t1, syn_ack), *rest = wire.packets
    return pcap([(t0, syn_ack), (t1, syn), *rest])


def fin_before_data():
    wire = Wire()
    client, server = wire.pair()
    handshake(client, server)
    client.send("P.", REQUEST)
    server.send(".")
    server.send("P.", RESPONSE)
    server.send("F.")
    (t0, data), (t1, fin) = wire.packets[-2:]
    wire.packets[-2:] = [(t0, fin), (t1, data)]
    client.send(".")
    client.send("F.")
    server.send(".")
    return pcap(wire.packets)


def synack_bad_ack():
    wire = Wire()
    client, server = wire.pair()
    client.send("S")
    server.send("S.", seq=777_000, ack=9999)
    client.send("R", seq=9999)
    wire.wait(1000)
    client.send("S", seq=1000)
    server.send("S.")
    client.send(".")
    exchange(client, server)
    close(client, server)
    return pcap(wire.packets)


def cut_inside():
    wire = Wire()
    whole_connection(wire)
    return pcap(wire.packets)[:-20]


def big_endian():
    wire = Wire()
    whole_connection(wire)
    return pcap(wire.packets, byte_order=">")


def two_interfaces():
    lan, tunnel = Wire(), Wire(START + MS // 2 + 123)
    whole_connection(lan)
    whole_connection(tunnel, client=("198.18.1.1", 40001), server=("198.18.1.2", 80))
    interfaces = [("lan0", ETHERNET, 262144, 6), ("tun0", RAW_IP, 64, 9)]
    packets = [(0, time, frame) for time, frame in lan.packets]
    packets += [(1, time, frame[14:]) for time, frame in tunnel.packets]
    return pcapng(interfaces, sorted(packets, key=lambda packet: packet[1]))


def ip_fragments():
    wire = Wire()
    client, server = wire.pair()
    handshake(client, server)
    client.send("P.", REQUEST)
    server.send(".")
    whole = server.packet("P.", b"x" * 2400, fragment=0)
    tcp = whole[20:]
    for start in range(0, len(tcp), 1000):
        part = tcp[start : start + 1000]
        more = 0x2000 if start + 1000 < len(tcp) else 0
        fields = dict(ident=server.ident, fragment=more | start // 8)
        wire.put(SERVER_MAC, CLIENT_MAC, ipv4(server.endpoint[0], client.endpoint[0], part, **fields))
    server.next += 2400
    server.ident += 1
    client.send(".")
    close(client, server)
    return pcap(wire.packets)


def tunnelled(envelope):
    """A whole connection, every frame inside another packet between two tunnel ends."""
    wire = Wire()
    whole_connection(wire)
    out = []
    for number, (time, frame) in enumerate(wire.packets):
        ends = ("198.18.100.1", "198.18.100.2")
        macs = ("02:00:00:00:64:01", "02:00:00:00:64:02")
        if frame[6:12] == bytes.fromhex(SERVER_MAC.replace(":", "")):
            ends, macs = ends[::-1], macs[::-1]
        protocol, payload = envelope(ends, frame)
        outer = ipv4(*ends, payload, protocol=protocol, ident=number)
        out.append((time, ethernet(*macs, outer)))
    return pcap(out)


def vxlan():
    header = struct.pack("!II", 0x08 << 24, 100 << 8)  # the I flag, network 100 (RFC 7348)
    return tunnelled(lambda ends, frame: (17, datagram((ends[0], 54321), (ends[1], 4789), header + frame)))


def gre():
    header = struct.pack("!HH", 0, 0x0800)  # no optional field, IPv4 inside (RFC 2784)
    return tunnelled(lambda ends, frame: (47, header + frame[14:]))


def bad_checksums():
    wire = Wire()
    client, server = wire.pair()
    handshake(client, server)
    client.send("P.", REQUEST)
    server.send(".")
    start = server.next
    server.send("P.", RESPONSE)
    time, frame = wire.packets[-1]
    wire.packets[-1] = (time, frame[:-1] + b"?")  # damaged on the way, so never acknowledged
    wire.wait(220)
    server.send("P.", RESPONSE, seq=start)
    client.send(".")
    close(client, server)
    return pcap(wire.packets)


def ip_length_zero():
    wire = Wire()
    client, server = wire.pair()
    handshake(client, server)
    client.send("P.", REQUEST)
    server.send(".")
    server.send("P.", b"y" * 4344, total_length=0)
    client.send(".")
    close(client, server)
    return pcap(wire.packets)


def xmas_null_scan():
    wire = Wire()
    ports = [21, 22, 23, 25, 80, 110, 143, 443]
    listening = {22, 80}
    for number, flags in enumerate(["", "F", "FPU"]):
        for port in ports:
            client, server = wire.pair(("198.18.0.1", 55000 + number), ("198.18.0.2", port), 7_000_000)
            client.send(flags)
            if port not in listening:
                server.send("R.", seq=0)
            wire.wait(20)
    return pcap(wire.packets)


def syn_flood_reflection():
    """Nobody can see the spoofed SYNs here, only the answers that reach the victim."""
    wire = Wire()
    for number in range(520):  # 250 a second, four times the same from each of 130 reflectors
        reflector = number % 130
        source = (f"198.19.{reflector // 10}.{reflector % 10 + 1}", 80 if reflector % 2 else 443)
        victim = ("198.18.0.1", 1024 + reflector * 37)
        client, server = wire.pair(victim, source, (reflector + 1) * 48_271, (reflector + 1) * 285_376_479 % 2**32)
        client.next += 1
        server.send("S.", ttl=48 + reflector % 11)
        if number % 4 == 0:
            client.send("R", seq=client.next)
        wire.time = START + (number + 1) * 4 * MS
    return pcap(wire.packets)


CRAFTED = {
    "simultaneous-open.pcap": simultaneous_open,
    "simultaneous-close.pcap": simultaneous_close,
    "vlan-qinq.pcap": vlan_qinq,
    "span-duplicates.pcap": span_duplicates,
    "midstream.pcap": midstream,
    "sequence-wrap.pcap": sequence_wrap,
    "reordered-handshake.pcap": reordered_handshake,
    "fin-before-data.pcap": fin_before_data,
    "synack-bad-ack.pcap": synack_bad_ack,
    "cut-inside.pcap": cut_inside,
    "big-endian.pcap": big_endian,
    "two-interfaces.pcapng": two_interfaces,
    "ip-fragments.pcap": ip_fragments,
    "vxlan.pcap": vxlan,
    "gre.pcap": gre,
    "bad-checksums.pcap": bad_checksums,
    "ip-length-zero.pcap": ip_length_zero,
    "xmas-null-scan.pcap": xmas_null_scan,
    "syn-flood-reflection.pcap": syn_flood_reflection,
}


def main(names):
    known = {Path(file).stem: file for file in CRAFTED}
    for name in names or known:
        if name not in known:
            sys.exit(f"no crafted sample is called {name}\nhint: {', '.join(known)}")
        (SAMPLES / known[name]).write_bytes(CRAFTED[known[name]]())


if __name__ == "__main__":
    main(sys.argv[1:])
