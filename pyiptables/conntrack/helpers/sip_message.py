"""A SIP message in a packet: reading it, and rewriting it under NAT.

Source: net/netfilter/nf_nat_sip.c.
"""

from __future__ import annotations

from pyiptables.conntrack.entry import Entry
from pyiptables.conntrack.expect import Answer, Expectation
from pyiptables.conntrack.helpers import sip_text as sip
from pyiptables.conntrack.helpers.base import Call, addresses, digits
from pyiptables.conntrack.nat import setup_info
from pyiptables.conntrack.nat_range import Manip
from pyiptables.conntrack.payload import mangle_tcp, mangle_udp
from pyiptables.conntrack.tuples import REPLY, TCP, UDP
from pyiptables.hooks import Family, Verdict
from pyiptables.packet.addresses import to_text

SIGNALLING, AUDIO, VIDEO, IMAGE = range(4)
"""Classes of what is expected."""


class Memory:
    """What is remembered of a SIP connection: the numbers of the last REGISTER and INVITE, and a telephone's own port.

    ``forced_port`` is where a telephone wants answers that sends from another port (0: it does not).
    """

    __slots__ = ("forced_port", "invite", "register")

    def __init__(self) -> None:
        self.register = self.invite = self.forced_port = 0


class Message:
    """A message: ``at`` is where it begins in the packet, ``size`` its length, which changes when it is rewritten."""

    __slots__ = ("at", "call", "payload", "size")

    def __init__(self, call: Call, payload: int, at: int, size: int) -> None:
        self.call, self.payload, self.at, self.size = call, payload, at, size

    @property
    def text(self) -> bytes:
        """The message as it is now."""
        return bytes(self.call.skb.data[self.at : self.at + self.size])

    @property
    def family(self) -> Family:
        """The family of addresses in it."""
        return self.call.here.family

    @property
    def memory(self) -> Memory:
        """What is remembered of the connection."""
        found: Memory = self.call.entry.help
        return found

    @property
    def protocol(self) -> int:
        """TCP or UDP."""
        return self.call.entry.original.protocol

    def replace(self, at: int, size: int, new: str) -> bool:
        """Put other words at a place."""
        place = self.at - self.payload + at
        raw = new.encode()
        if self.protocol == TCP:
            done = mangle_tcp(self.call.skb, self.call.entry, place, size, raw, adjust=False)
        else:
            done = mangle_udp(self.call.skb, place, size, raw)
        if done:
            self.size += len(raw) - size
        return done

    def address_text(self, address: int, *, brackets: bool) -> str:
        """An address as it stands in messages."""
        text = to_text(address, self.family)
        return f"[{text}]" if brackets and self.family is Family.IPV6 else text

    # NAT of the message itself

    def translate(self) -> Verdict:
        """Rewrite what names the connection's own ends: request line, Via, Contact, From, To (nf_nat_sip)."""
        call, text = self.call, self.text
        asks = text[:7].upper() != b"SIP/2.0"
        line = sip.request(text, self.family) if asks else None
        if line is not None and not self._map(line):
            return call.drop("cannot mangle SIP message")
        if not self._translate_via(asks):
            return Verdict.DROP
        at, inside = 0, False
        while found := sip.endpoint(self.text, sip.CONTACT, self.family, at, inside=inside):
            at, inside = found.behind, True
            if not self._map(found):
                return call.drop("cannot mangle contact")
        for header in (sip.FROM, sip.TO):
            found = sip.endpoint(self.text, header, self.family)
            if found and not self._map(found):
                return call.drop("cannot mangle SIP from/to")
        forced = self.memory.forced_port
        if call.way == REPLY and forced and self.protocol == UDP:
            call.skb.data[call.skb.thoff + 2 : call.skb.thoff + 4] = forced.to_bytes(2, "big")
            mangle_udp(call.skb, 0, 0, b"")
        return Verdict.ACCEPT

    def _map(self, found: sip.Endpoint) -> bool:
        """Rewrite an endpoint that is one of the connection's, as the packet's receiver knows it (map_addr)."""
        here, there = self.call.here, self.call.there
        named = found.address, found.port
        if named == (here.src, here.sport):
            new = there.dst, there.dport
        elif named == (here.dst, here.dport):
            new = there.src, self.memory.forced_port or there.sport
        else:
            return True
        if new == named:
            return True
        return self.replace(found.at, found.size, f"{self.address_text(new[0], brackets=True)}:{new[1]}")

    def _translate_via(self, asks: bool) -> bool:
        """Rewrite the topmost Via and its parameters maddr, received and rport."""
        here, there = self.call.here, self.call.there
        header = sip.VIA_TCP if self.protocol == TCP else sip.VIA_UDP
        found = sip.endpoint(self.text, header, self.family)
        own = (here.src, here.sport) if asks else (here.dst, here.dport)
        if not found or (found.address, found.port) != own:
            return True
        before = self.size
        if not self._map(found):
            self.call.drop("cannot mangle Via header")
            return False
        end = found.at + found.size + self.size - before
        for name, old, new, brackets in (
            (b"MADDR=", here.src, there.dst, True),
            (b"RECEIVED=", here.dst, there.src, False),
        ):
            at = sip.parameter(self.text, end, name)
            named = None if at is None else sip.address_at(self.text, at, self.family, brackets=brackets)
            if at is None or named is None or named[0] != old or old == new:
                continue
            if not self.replace(at, named[1] - at, self.address_text(new, brackets=brackets)):
                self.call.drop(f"cannot mangle {name[:-1].decode().lower()}")
                return False
        at = sip.parameter(self.text, end, b"RPORT=")
        value = None if at is None else sip.whole(self.text, at)
        if at is None or value is None or value & 0xFFFF != here.dport or here.dport == there.sport:
            return True
        if self.replace(at, digits(self.text, at)[1] - at, str(there.sport)):
            return True
        self.call.drop("cannot mangle rport")
        return False

    # NAT of what is expected

    def expect_signalling(self, expectation: Expectation, at: int, size: int) -> Verdict:
        """Expect calls at the address that the world sees, and write it into the message (nf_nat_sip_expect)."""
        call, (_, _, dst, _, _, dport) = self.call, expectation.wanted
        here, there = call.here, call.there
        address = dst if here.src == there.dst else there.dst
        own = self.memory.forced_port or here.sport
        self._follow(expectation)
        expectation.wanted = expectation.wanted._replace(dst=address, dport=there.dport if dport == own else dport)
        port = call.find_port(expectation)
        if not port:
            return call.drop("all ports in use for SIP")
        seen = f"{self.address_text(address, brackets=True)}:{port}"
        if (address, port) == (dst, dport) or self.replace(at, size, seen):
            return Verdict.ACCEPT
        call.table.expectations.remove(expectation)
        return call.drop("cannot mangle packet")

    def expect_media(self, rtp: Expectation, rtcp: Expectation, at: int, size: int) -> tuple[Verdict, int]:
        """Expect media at a pair of ports that the world sees (nf_nat_sdp_media): the verdict, and the address."""
        call, here, there = self.call, self.call.here, self.call.there
        address = rtp.wanted.dst if here.src == there.dst else there.dst
        for each in (rtp, rtcp):
            self._follow(each)
            each.wanted = each.wanted._replace(dst=address)
        first = port = rtp.wanted.dport
        while port <= 0xFFFF:
            rtp.wanted, rtcp.wanted = rtp.wanted._replace(dport=port), rtcp.wanted._replace(dport=port + 1 & 0xFFFF)
            answer = call.expect(rtp, any_master=True)
            if answer is Answer.OPEN:
                answer = call.expect(rtcp, any_master=True)
                if answer in (Answer.OPEN, Answer.ALREADY):
                    break
                call.table.expectations.remove(rtp)
            if answer is not Answer.BUSY:
                port = 0x10000
            port += 2
        if port > 0xFFFF:
            return call.drop("all ports in use for SDP media"), address
        if port != first and not self.set_port(at, size, port):
            call.table.expectations.remove(rtp)
            call.table.expectations.remove(rtcp)
            return call.drop("cannot mangle SDP message"), address
        return Verdict.ACCEPT, address

    def _follow(self, expectation: Expectation) -> None:
        """Have what is expected mapped to where it really is (nf_nat_sip_expected)."""
        table, dst, dport = self.call.table, expectation.wanted.dst, expectation.wanted.dport
        expectation.saved = dst, dport
        expectation.direction = way = 1 - self.call.way

        def arrived(entry: Entry, expected: Expectation) -> None:
            setup_info(table, entry, addresses(dst, dport), Manip.DST)
            master, original = expected.master, entry.original
            if expected.kind != SIGNALLING:
                for pair in table.expectations.of(master):
                    if pair.wanted.protocol == original.protocol and pair.saved == (original.src, original.sport):
                        setup_info(table, entry, addresses(pair.wanted.dst, pair.wanted.dport), Manip.SRC)
                        return
            if original.src == master.tuple(way).src:
                setup_info(table, entry, addresses(master.tuple(1 - way).dst), Manip.SRC)

        expectation.arrived = arrived

    # NAT of the session description

    def set_port(self, at: int, size: int, port: int) -> bool:
        """Rewrite a media line's port (nf_nat_sdp_port)."""
        return self.replace(at, size, str(port)) and self._set_length()

    def set_address(self, at: int, header: sip.Header, address: int) -> bool | None:
        """Rewrite the address of an SDP line before the next media line; None when there is no such line."""
        found = sip.sdp(self.text, at, header, self.family, sip.MEDIA)
        return None if found is None else self.replace(found.at, found.size, self.address_text(address, brackets=False))

    def set_media_address(self, at: int, address: int) -> bool:
        """Rewrite the connection line of one medium (nf_nat_sdp_addr)."""
        return bool(self.set_address(at, sip.CONNECTION[self.family], address)) and self._set_length()

    def set_session_address(self, at: int, address: int) -> bool:
        """Rewrite owner and connection line of the session (nf_nat_sdp_session)."""
        if not self.set_address(at, sip.OWNER[self.family], address):
            return False
        return self.set_address(at, sip.CONNECTION[self.family], address) is not False and self._set_length()

    def _set_length(self) -> bool:
        """Make Content-Length right again (mangle_content_len)."""
        text = self.text
        begin = sip.sdp(text, 0, sip.VERSION, self.family)
        found = None if begin is None else sip.header(text, 0, sip.CONTENT_LENGTH, self.family)
        if begin is None or found is None or not found.size:
            return False
        return self.replace(found.at, found.size, str(len(text) - begin.at + len("v=")))
