"""Knows the bytes of TCP packets and of the capture files pcap and pcapng. Standard library only."""

import struct
from ipaddress import ip_address

# Link types: https://www.tcpdump.org/linktypes.html
ETHERNET = 1
RAW_IP = 101

FLAGS = {"F": 0x01, "S": 0x02, "R": 0x04, "P": 0x08, ".": 0x10, "U": 0x20, "E": 0x40, "W": 0x80}

# MSS 1460, SACK permitted, no-operation, window scale 7, and padding to a multiple of four.
SYN_OPTIONS = bytes.fromhex("020405b4 0402 01 030307 0000")


def checksum(data):
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def segment(src, dst, flags, seq, ack=0, payload=b"", window=64240, options=b""):
    """A TCP segment from `src` to `dst`, both (address, port). `flags` as tcpdump writes them: "S", "S.", "P."."""
    bits = sum(FLAGS[flag] for flag in flags)
    offset = (20 + len(options)) // 4
    head = struct.pack("!HHIIBBHHH", src[1], dst[1], seq % 2**32, ack % 2**32, offset << 4, bits, window, 0, 0)
    return with_checksum(src[0], dst[0], 6, head + options + payload, 16)


def datagram(src, dst, payload):
    """A UDP datagram. Its checksum is 0, "not used", as RFC 7348 asks of VXLAN over IPv4."""
    return struct.pack("!HHHH", src[1], dst[1], 8 + len(payload), 0) + payload


def with_checksum(src, dst, protocol, data, at):
    """Fills the checksum field at offset `at`; the pseudo-header is that of the addresses' IP version."""
    src, dst = ip_address(src).packed, ip_address(dst).packed
    if len(src) == 4:
        pseudo = src + dst + struct.pack("!BBH", 0, protocol, len(data))
    else:
        pseudo = src + dst + struct.pack("!IxxxB", len(data), protocol)
    return data[:at] + struct.pack("!H", checksum(pseudo + data)) + data[at + 2 :]


def ipv4(src, dst, payload, protocol=6, ident=0, ttl=64, fragment=0x4000, total_length=None):
    """An IPv4 packet. `fragment` holds the flags and the offset field: 0x4000 is "do not fragment"."""
    length = 20 + len(payload) if total_length is None else total_length
    head = struct.pack("!BBHHHBBH", 0x45, 0, length, ident, fragment, ttl, protocol, 0)
    head += ip_address(src).packed + ip_address(dst).packed
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ipv6(src, dst, payload, protocol=6, hop_limit=64):
    """An IPv6 packet without extension headers."""
    head = struct.pack("!IHBB", 6 << 28, len(payload), protocol, hop_limit)
    return head + ip_address(src).packed + ip_address(dst).packed + payload


def ethernet(src, dst, payload, tags=()):
    """An Ethernet frame. `tags` are (ethertype, VLAN id) pairs, outermost first."""
    frame = bytes.fromhex((dst + src).replace(":", ""))
    for ethertype, vlan in tags:
        frame += struct.pack("!HH", ethertype, vlan)
    ethertype = 0x0800 if payload[0] >> 4 == 4 else 0x86DD
    return frame + struct.pack("!H", ethertype) + payload


def pcap(packets, link_type=ETHERNET, byte_order="<"):
    """A pcap file with microseconds. `packets` are (time in ns, bytes) pairs."""
    out = struct.pack(byte_order + "IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link_type)
    for time, data in packets:
        seconds, ns = divmod(time, 10**9)
        out += struct.pack(byte_order + "IIII", seconds, ns // 1000, len(data), len(data)) + data
    return out


def pcapng(interfaces, packets):
    """A pcapng file. `interfaces`: (name, link type, snaplen, digits of a second); `packets`: (interface, ns, bytes)."""
    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    for name, link_type, snaplen, digits in interfaces:
        options = option(2, name.encode()) + option(9, bytes([digits])) + option(0, b"")
        out += block(1, struct.pack("<HHI", link_type, 0, snaplen) + options)
    for number, time, data in packets:
        _, _, snaplen, digits = interfaces[number]
        ticks = time // 10 ** (9 - digits)
        kept = data[:snaplen]
        head = struct.pack("<IIIII", number, ticks >> 32, ticks % 2**32, len(kept), len(data))
        out += block(6, head + padded(kept))
    return out


def without_machine(data):
    """A little-endian pcapng file without what it tells about the machine that wrote it: hardware, system, program."""
    out, at = b"", 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        body, at = data[at + 8 : at + length - 4], at + length
        if kind == 0x0A0D0D0A:
            body = body[:16]
        elif kind == 1:
            body = body[:8] + without_option(body[8:], 12)
        out += block(kind, body)
    return out


def without_option(options, unwanted):
    """The options of a pcapng block but for one code."""
    out, at = b"", 0
    while at < len(options):
        code, length = struct.unpack_from("<HH", options, at)
        end = at + 4 + length + -length % 4
        if code != unwanted:
            out += options[at:end]
        at = end
    return out


def block(kind, body):
    """One pcapng block; its length stands at both ends."""
    length = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + length + body + length


def option(code, value):
    """One pcapng option."""
    return struct.pack("<HH", code, len(value)) + padded(value)


def padded(data):
    """Zero bytes up to the next multiple of four."""
    return data + bytes(-len(data) % 4)
