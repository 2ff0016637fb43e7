#!/usr/bin/python3
"""migrate_listen.py DEVICE   prints who tells DEVICE's neighbours of his addresses, until it is ended

"arp HWADDR ADDRESS": a gratuitous ARP request or reply. "na HWADDR ADDRESS FLAGS": an unsolicited neighbour advertisement, FLAGS of R
(router), S (solicited), O (override) or -; the checksum is looked at.
"""
import ipaddress
import socket
import struct
import sys

ETH_P_ALL, OUTGOING = 3, 4


def text(hwaddr):
    return ":".join("%02x" % byte for byte in hwaddr)


def checksum(data):
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def arp(packet):
    sender, target = packet[14:18], packet[24:28]
    if sender == target:
        print("arp", text(packet[8:14]), ipaddress.ip_address(sender), flush=True)


def advertisement(packet):
    length, following, hops = struct.unpack(">HBB", packet[4:8])
    body = packet[40 : 40 + length]
    if following != 58 or len(body) < 32 or body[0] != 136:
        return
    valid = hops == 255 and checksum(packet[8:40] + struct.pack(">II", length, 58) + body) == 0xFFFF
    flags = "".join(letter for letter, bit in (("R", 0x80), ("S", 0x40), ("O", 0x20)) if body[4] & bit) or "-"
    if valid and body[24:26] == b"\x02\x01":
        print("na", text(body[26:32]), ipaddress.ip_address(body[8:24]), flags, flush=True)


with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL)) as s:
    s.bind((sys.argv[1], ETH_P_ALL))
    print("listening", flush=True)
    while True:
        packet, (_, protocol, kind, *_) = s.recvfrom(65536)
        if kind == OUTGOING:
            continue
        if protocol == 0x0806:
            arp(packet)
        elif protocol == 0x86DD:
            advertisement(packet)
