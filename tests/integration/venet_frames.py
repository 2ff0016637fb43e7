"""Frames of a hostile root, and who sees them.

venet_frames.py send DEVICE KIND KEY=VALUE...   sends every frame of KIND (venet, port) and then one that is allowed
    keys: mac own4 own6 victim4 victim6 router4 router6 target4 target6 victimmac targetmac
venet_frames.py listen DEVICE...                prints the names of what comes in there, each once, until it is killed;
    "udp" for a device: what the sockets of this namespace get (ports 67, 547, 9999)
Each frame holds WABE:NAME; at the end or as payload."""
import ipaddress, select, socket, struct, sys

ALL = 0x0003
BROADCAST = b'\xff' * 6


def mac(text):
    return bytes.fromhex(text.replace(':', ''))


def a4(text):
    return ipaddress.IPv4Address(text).packed


def a6(text):
    return ipaddress.IPv6Address(text).packed


def checksum(data):
    data += b'\0' * (len(data) % 2)
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def udp(source, target, payload, sport=9999, dport=9999):
    head = struct.pack('!HHHH', sport, dport, 8 + len(payload), 0)
    if len(source) == 4:
        return head + payload
    pseudo = source + target + struct.pack('!II', len(head + payload), 17)
    return head[:6] + struct.pack('!H', checksum(pseudo + head + payload) or 0xffff) + payload


def ip4(source, target, body, protocol=17, fragment=0, options=b''):
    head = struct.pack('!BBHHHBBH', 0x45 + len(options) // 4, 0, 20 + len(options) + len(body), 77, fragment, 64, protocol, 0)
    head += source + target + options
    return head[:10] + struct.pack('!H', checksum(head)) + head[12:] + body


def ip6(source, target, body, next_header=17, hops=255):
    return struct.pack('!IHBB', 6 << 28, len(body), next_header, hops) + source + target + body


def icmp6(source, target, kind, body, code=0):
    data = struct.pack('!BBH', kind, code, 0) + body
    return data[:2] + struct.pack('!H', checksum(source + target + struct.pack('!II', len(data), 58) + data)) + data[4:]


def arp(operation, hwaddr, sender, target_hwaddr, target):
    return struct.pack('!HHBBH', 1, 0x800, 6, 4, operation) + hwaddr + sender + target_hwaddr + target


def option(kind, hwaddr):
    return bytes([kind, 1]) + hwaddr


def frames(kind, v):
    """(name, frame) of all that must not pass. v: the values of the command line."""
    m, other_mac = mac(v['mac']), mac('02:00:00:00:66:66')
    own4, victim4, router4, target4 = (a4(v[k]) for k in ('own4', 'victim4', 'router4', 'target4'))
    own6, victim6, router6, target6 = (a6(v[k]) for k in ('own6', 'victim6', 'router6', 'target6'))
    to = mac(v.get('targetmac', v['mac']))
    vm = mac(v.get('victimmac', v['mac']))
    local = a6('fe80::66')
    nodes = a6('ff02::1')
    nodes_mac = mac('33:33:00:00:00:01')

    def tag(name):
        return b'WABE:' + name.encode() + b';'

    def eth(target, source, kind, body, name):
        return name, target + source + struct.pack('!H', kind) + body + tag(name)

    def v4(name, source, target=target4, hw=None, source_hw=m, **more):
        packet = ip4(source, target, udp(source, target, tag(name)), **more)
        return name, (hw or to) + source_hw + b'\x08\x00' + packet

    def v6(name, source, target=target6, hw=None, before=b'', first=17):
        return name, (hw or to) + m + b'\x86\xdd' + ip6(source, target, before + udp(source, target, tag(name)), first)

    def nd(name, source, target, kind, body, hw=nodes_mac, before=b'', first=58):
        body += bytes([0x0e, 8]) + tag(name).ljust(62, b'\0')[:62]  # an option with the name
        return name, hw + m + b'\x86\xdd' + ip6(source, target, before + icmp6(source, target, kind, body), first)

    ra = struct.pack('!BBHII', 64, 0, 1800, 0, 0) + option(1, m)
    na = struct.pack('!I', 0x60000000) + router6 + option(2, m)
    na_victim = struct.pack('!I', 0x60000000) + victim6 + option(2, m)
    redirect = struct.pack('!I', 0) + local + target6 + option(2, m)
    options = bytes([17, 0, 1, 4, 0, 0, 0, 0])
    to_icmp = bytes([58, 0, 1, 4, 0, 0, 0, 0])
    # ---- sources ----
    yield v4('source-victim', victim4)
    yield v4('source-router', router4)
    yield v4('source-target', target4, victim4, vm)
    yield v4('source-loopback', a4('127.0.0.1'))
    yield v4('source-none', a4('0.0.0.0'))
    yield v4('source-broadcast', a4('255.255.255.255'))
    yield v4('source-group', a4('224.0.0.1'))
    yield v4('source-victim-to-all-hw', victim4, hw=BROADCAST)
    yield v4('source-victim-with-options', victim4, options=bytes([7, 7, 4, 0, 0, 0, 0, 0]))
    yield v4('source-victim-other-hw', victim4, source_hw=other_mac)
    yield v6('source6-victim', victim6)
    yield v6('source6-router', router6)
    yield v6('source6-none', a6('::'))
    yield v6('source6-loopback', a6('::1'))
    yield v6('source6-local', local)
    yield v6('source6-mapped', a6('::ffff:' + v['victim4']))
    # ---- fragments: the first one, one in the middle ----
    yield v4('fragment-first', victim4, fragment=0x2000)
    yield v4('fragment-middle', victim4, fragment=0x2010)
    fragment = struct.pack('!BBHI', 17, 0, 1, 7)
    yield v6('fragment6-first', victim6, before=fragment, first=44)
    yield v6('fragment6-middle', victim6, before=struct.pack('!BBHI', 17, 0, 0x81, 7), first=44)
    # ---- extension headers ----
    yield v6('hop-by-hop', victim6, before=options, first=0)
    yield v6('options', victim6, before=options, first=60)
    yield v6('many-options', victim6, before=bytes([60, 0, 1, 4, 0, 0, 0, 0]) * 8 + options, first=60)
    yield nd('ra-behind-options', local, nodes, 134, ra, before=to_icmp, first=60)
    yield nd('ra-behind-hop-by-hop', local, nodes, 134, ra, before=to_icmp, first=0)
    yield nd('na-behind-options', own6, nodes, 136, na, before=to_icmp, first=60)
    yield nd('ra-behind-fragment', local, nodes, 134, ra, before=struct.pack('!BBHI', 58, 0, 0, 9), first=44)
    # ---- neighbours, routers ----
    yield eth(BROADCAST, m, 0x806, arp(1, m, router4, bytes(6), router4), 'arp-for-router')
    yield eth(BROADCAST, m, 0x806, arp(1, m, victim4, bytes(6), victim4), 'arp-for-victim')
    yield eth(vm, m, 0x806, arp(2, m, router4, vm, victim4), 'arp-poison')
    yield eth(BROADCAST, m, 0x806, arp(1, other_mac, own4, bytes(6), target4), 'arp-other-hw')
    yield eth(BROADCAST, m, 0x806, arp(1, m, bytes(4), bytes(6), victim4), 'arp-probe-for-victim')
    yield nd('ra-local', local, nodes, 134, ra)
    yield nd('ra-own', own6, nodes, 134, ra)
    yield nd('na-router', own6, nodes, 136, na)
    yield nd('na-victim', own6, nodes, 136, na_victim)
    yield nd('na-router-local', local, nodes, 136, na)
    yield nd('ns-dad-victim', a6('::'), a6('ff02::1'), 135, bytes(4) + victim6)
    yield nd('redirect6', local, victim6, 137, redirect, vm)
    yield nd('redirect6-own', own6, victim6, 137, redirect, vm)
    inner = ip4(victim4, target4, b'12345678')
    icmp = struct.pack('!BBH', 5, 1, 0) + own4 + inner + tag('redirect')
    icmp = icmp[:2] + struct.pack('!H', checksum(icmp)) + icmp[4:]
    yield 'redirect', vm + m + b'\x08\x00' + ip4(own4, victim4, icmp, 1)
    # ---- DHCP servers ----
    body = tag('dhcp-all')
    yield 'dhcp-all', BROADCAST + m + b'\x08\x00' + ip4(own4, a4('255.255.255.255'), udp(own4, bytes(4), body, 67, 68))
    body = tag('dhcp-target')
    yield 'dhcp-target', to + m + b'\x08\x00' + ip4(own4, target4, udp(own4, target4, body, 67, 9999))
    body = tag('dhcp6')
    yield 'dhcp6', to + m + b'\x86\xdd' + ip6(own6, target6, udp(own6, target6, body, 547, 546))
    # ---- tags and other protocols ----
    packet = ip4(victim4, target4, udp(victim4, target4, tag('vlan-victim')))
    yield 'vlan-victim', to + m + b'\x81\x00\x00\x05\x08\x00' + packet
    packet = ip4(own4, target4, udp(own4, target4, tag('vlan-own')))
    yield 'vlan-own', to + m + b'\x81\x00\x00\x05\x08\x00' + packet
    packet = ip4(own4, target4, udp(own4, target4, tag('vlan-zero')))
    yield 'vlan-zero', to + m + b'\x81\x00\x00\x00\x08\x00' + packet
    packet = ip4(own4, target4, udp(own4, target4, tag('qinq')))
    yield 'qinq', to + m + b'\x88\xa8\x00\x05\x81\x00\x00\x06\x08\x00' + packet
    yield 'vlan-arp', BROADCAST + m + b'\x81\x00\x00\x00\x08\x06' + arp(1, m, router4, bytes(6), router4) + tag('vlan-arp')
    yield eth(mac('01:80:c2:00:00:0e'), m, 0x88cc, b'\x02\x07\x04' + m, 'lldp')
    yield eth(mac('01:80:c2:00:00:00'), m, 38, b'\x42\x42\x03' + bytes(35), 'stp')
    yield eth(to, m, 0x88b5, bytes(40), 'other-protocol')
    yield eth(to, m, 0x8847, bytes(40), 'mpls')
    yield eth(to, m, 0x8863, bytes(40), 'pppoe')
    if kind == 'port':
        yield v4('hw-other', own4, source_hw=other_mac)
        yield v4('hw-victim', own4, source_hw=vm)
        yield v4('hw-group', own4, source_hw=bytes([other_mac[0] | 1]) + other_mac[1:])
        return
    # ---- only here: what is allowed on a bridge ----
    yield v4('own-to-all', own4, a4('255.255.255.255'), BROADCAST)
    yield v4('own-to-all-unicast-hw', own4, a4('255.255.255.255'))
    yield v4('own-to-group', own4, a4('224.0.0.1'))
    yield v4('own-to-group-hw', own4, a4('224.0.0.1'), mac('01:00:5e:00:00:01'))
    yield v6('own6-to-group', own6, nodes)
    yield v6('own6-to-group-hw', own6, nodes, nodes_mac)
    yield v6('own6-to-local', own6, local)
    yield v4('own-to-victim', own4, victim4)
    yield v6('own6-to-victim', own6, victim6)
    yield eth(BROADCAST, m, 0x806, arp(1, m, own4, bytes(6), target4), 'arp-own')
    yield nd('ns-own', own6, nodes, 135, bytes(4) + target6 + option(1, m))


def send(device, kind, arguments):
    v = dict(a.split('=', 1) for a in arguments)
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((device, 0))
    count = 0
    for _, frame in frames(kind, v):
        out.send(frame)
        count += 1
    to = mac(v.get('targetmac', v['mac']))
    own4, target4, own6, target6 = a4(v['own4']), a4(v['target4']), a6(v['own6']), a6(v['target6'])
    packet = ip4(own4, target4, udp(own4, target4, b'WABE:allowed;'))
    out.send(to + mac(v['mac']) + b'\x08\x00' + packet)
    packet = ip6(own6, target6, udp(own6, target6, b'WABE:allowed6;'))
    out.send(to + mac(v['mac']) + b'\x86\xdd' + packet)
    print(count)


def listen(devices):
    sockets, seen = [], set()
    for device in devices:
        if device == 'udp':
            for family, any_address in ((socket.AF_INET, '0.0.0.0'), (socket.AF_INET6, '::')):
                for port in (67, 68, 546, 547, 9999):
                    s = socket.socket(family, socket.SOCK_DGRAM)
                    if family == socket.AF_INET6:
                        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    s.bind((any_address, port))
                    sockets.append(s)
            continue
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
        s.bind((device, ALL))
        sockets.append(s)
    print('listening', flush=True)
    while True:
        for s in select.select(sockets, [], [])[0]:
            data = s.recv(4096)
            start = data.find(b'WABE:')
            if start < 0:
                continue
            name = data[start + 5:].split(b';')[0].decode(errors='replace')
            if name not in seen:
                seen.add(name)
                print(name, flush=True)


if sys.argv[1] == 'send':
    send(sys.argv[2], sys.argv[3], sys.argv[4:])
else:
    listen(sys.argv[2:])
