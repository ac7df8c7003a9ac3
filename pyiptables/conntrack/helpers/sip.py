"""SIP: the calls that a telephone is registered for, and the media that two telephones agree on.

    message                     what becomes of it
    REGISTER                    calls from the registrar to the Contact are expected, once it answers with 2xx
    INVITE, UPDATE, ACK, PRACK  the media in its session description are expected (RTP and RTCP, a pair of ports each)
    1xx and 2xx to these        likewise
    another answer to INVITE    its media are not expected any more
    BYE                         nor are they

Only media between the two ends of the signalling are expected, and only calls from the registrar (the module's defaults
sip_direct_media and sip_direct_signalling).

Source: net/netfilter/nf_conntrack_sip.c; RFC 3261, RFC 2327.
"""

from __future__ import annotations

from collections.abc import Callable

from pyiptables.conntrack.entry import EXPECTED, SECOND
from pyiptables.conntrack.expect import Answer, Policy
from pyiptables.conntrack.helpers import sip_text as sip
from pyiptables.conntrack.helpers.base import Call, Helper
from pyiptables.conntrack.helpers.sip_message import AUDIO, IMAGE, SIGNALLING, VIDEO, Memory, Message
from pyiptables.conntrack.seqadj import record
from pyiptables.conntrack.tuples import TCP, UDP, Tuple
from pyiptables.hooks import Verdict

MASTER_SECONDS = 3600
SHORTEST = len("SIP/2.0 200")
KINDS = ((b"audio ", AUDIO), (b"video ", VIDEO), (b"image ", IMAGE))
TRANSPORTS = {b"TCP": TCP, b"UDP": UDP}


def sip_help(call: Call) -> Verdict:
    """Read a datagram, or the whole messages of a segment."""
    stream = call.entry.original.protocol == TCP
    at = call.payload_at()
    if at is None or (stream and not call.established):
        return Verdict.ACCEPT
    call.refresh(MASTER_SECONDS)
    size = len(call.skb.data) - at
    if size < SHORTEST:
        return Verdict.ACCEPT
    return _stream(call, at) if stream else _message(Message(call, at, at, size))


def _stream(call: Call, payload: int) -> Verdict:
    """Read the messages of a segment, up to one that is not whole; then note how their lengths changed."""
    at, change = payload, 0
    seq = int.from_bytes(call.skb.data[call.skb.thoff + 4 : call.skb.thoff + 8], "big")
    while True:
        text = bytes(call.skb.data[at:])
        found = sip.header(text, 0, sip.CONTENT_LENGTH, call.here.family)
        if found is None or not found.size:
            break
        length, end = sip.whole(text, found.at), text.find(b"\r\n\r\n", found.at + found.size)
        if length is None or end < 0:
            break
        size = end + 4 + length
        if size > len(text):
            return Verdict.ACCEPT
        message = Message(call, payload, at, size)
        verdict = _message(message)
        if verdict is not Verdict.ACCEPT:
            return verdict
        change += message.size - size
        at += message.size
    if call.mapped:
        record(call.entry, call.way, seq, change)
    return Verdict.ACCEPT


def _message(message: Message) -> Verdict:
    """Read a message, then rewrite it where the connection is under NAT (process_sip_msg)."""
    asks = message.text[:8].upper() != b"SIP/2.0 "
    verdict = _request(message) if asks else _response(message)
    if verdict is Verdict.ACCEPT and message.call.mapped and message.translate() is not Verdict.ACCEPT:
        return message.call.drop("cannot NAT SIP message")
    return verdict


def _request(message: Message) -> Verdict:
    """Read a request."""
    call, text = message.call, message.text
    via = sip.endpoint(text, sip.VIA_UDP, message.family)
    if via and via.address == call.here.src and via.port != call.here.sport:
        message.memory.forced_port = via.port
    for method, handle in REQUESTS.items():
        if text[: len(method)].upper() == method:
            number = _sequence(message)
            return Verdict.DROP if number is None else handle(message, number[0])
    return Verdict.ACCEPT


def _response(message: Message) -> Verdict:
    """Read a response: its code, and the request's number and method, which CSeq repeats."""
    text = message.text
    if len(text) < SHORTEST:
        return Verdict.ACCEPT
    code = sip.whole(text, 8)
    if not code:
        return message.call.drop("cannot get code")
    found = _sequence(message)
    if found is None:
        return Verdict.DROP
    number, at = found
    for method, handle in RESPONSES.items():
        if text[at : at + len(method)].upper() == method:
            return handle(message, number, code)
    return Verdict.ACCEPT


def _sequence(message: Message) -> tuple[int, int] | None:
    """The number in CSeq, and where the method stands behind it; None, with a line in the log, when there is none."""
    text = message.text
    found = sip.header(text, 0, sip.CSEQ, message.family)
    if found is None or not found.size:
        message.call.drop("cannot parse cseq")
        return None
    number = sip.whole(text, found.at)
    if number is None:
        message.call.drop("cannot get cseq")
        return None
    return number, found.at + found.size + 1


def _forget(call: Call, *, media: bool) -> None:
    """Expect no more media, or no more calls: of these the newest (flush_expectations)."""
    for expectation in call.table.expectations.of(call.entry):
        if (expectation.kind != SIGNALLING) == media:
            call.table.expectations.remove(expectation)
            if not media:
                return


# Media


def _session(message: Message, number: int) -> Verdict:
    """Expect the media of a session description (process_sdp)."""
    call, family = message.call, message.family
    version = sip.sdp(message.text, 0, sip.VERSION, family)
    if version is None:
        return Verdict.ACCEPT
    begin = at = version.at
    common = _connection(message, begin)
    address: int | None = None
    media = 0
    while media < len(KINDS):
        line = sip.sdp(message.text, at, sip.MEDIA, family)
        if line is None:
            break
        word, kind = next((each for each in KINDS if message.text.startswith(each[0], line.at)), (b"", 0))
        at, size = line.at + (len(word) or line.size), line.size - len(word)
        port = sip.whole(message.text, at) if word else 0
        if not port:  # another kind, or a medium that is off
            continue
        if not sip.LOWEST_PORT <= port <= 65535:
            return call.drop(f"wrong port {port}")
        own = _connection(message, at)
        named = common if own is None else own
        if named is None:
            return call.drop("cannot parse SDP message")
        verdict, address = _expect_media(message, named, port, kind, at, size)
        if verdict is not Verdict.ACCEPT:
            return call.drop("cannot add expectation for voice")
        if own is not None and call.mapped and not message.set_media_address(at, address):
            return call.drop("cannot mangle SDP")
        media += 1
    if call.mapped and address is not None and not message.set_session_address(begin, address):
        return Verdict.DROP
    return Verdict.ACCEPT


def _connection(message: Message, at: int) -> int | None:
    """The address in the connection line of the session or of one medium."""
    text, family = message.text, message.family
    found = sip.sdp(text, at, sip.CONNECTION[family], family, sip.MEDIA)
    named = None if found is None else sip.address_at(text, found.at, family, brackets=False)
    return None if named is None else named[0]


def _expect_media(message: Message, address: int, port: int, kind: int, at: int, size: int) -> tuple[Verdict, int]:
    """Expect RTP and RTCP at a pair of ports (set_expected_rtp_rtcp): the verdict, and the address as others see it."""
    call, here, there = message.call, message.call.here, message.call.there
    if address != here.src:
        return Verdict.ACCEPT, address
    known, direct = False, False
    while not known:
        tup = Tuple(here.family, there.src, address, UDP, 0, port)
        found = call.table.expectations.find(tup, call.entry.zone.id, call.table.now)
        if found is None or found.master is call.entry or found.kind != kind or found.master.helper != call.helper.name:
            break
        real = found.saved or (0, 0)
        # Where both ends stand behind this host, they may reach each other directly.
        if not direct and call.mapped and real != (found.wanted.dst, found.wanted.dport):
            address, port, direct = *real, True
        else:
            known = True
    port &= ~1
    if direct and not message.set_port(at, size, port):
        return Verdict.DROP, address
    if known:
        return Verdict.ACCEPT, address
    rtp, rtcp = (call.expectation(UDP, there.src, address, each, kind=kind) for each in (port, port + 1))
    if call.mapped and not direct:
        return message.expect_media(rtp, rtcp, at, size)
    rtp.saved = rtcp.saved = None
    good = (Answer.OPEN, Answer.ALREADY)
    first = call.expect(rtp, any_master=True)
    if first in good and call.expect(rtcp, any_master=True) in good:
        return Verdict.ACCEPT, address
    if first is Answer.OPEN:
        call.table.expectations.remove(rtp)
    return Verdict.DROP, address


def _invite(message: Message, number: int) -> Verdict:
    _forget(message.call, media=True)
    verdict = _session(message, number)
    if verdict is Verdict.ACCEPT:
        message.memory.invite = number
    return verdict


def _bye(message: Message, number: int) -> Verdict:
    _forget(message.call, media=True)
    return Verdict.ACCEPT


def _answered(message: Message, number: int, code: int) -> Verdict:
    """An answer to INVITE, UPDATE or PRACK."""
    if 100 <= code <= 299:
        return _session(message, number)
    if message.memory.invite == number:
        _forget(message.call, media=True)
    return Verdict.ACCEPT


# Calls


def _register(message: Message, number: int) -> Verdict:
    """Expect calls to the Contact, from now on known but not yet let in (process_register_request)."""
    call, text, here = message.call, message.text, message.call.here
    if call.entry.status & EXPECTED:
        return Verdict.ACCEPT
    contact = sip.endpoint(text, sip.CONTACT, message.family)
    if contact is False:
        return call.drop("cannot parse contact")
    if contact is None or contact.address != here.src:
        return Verdict.ACCEPT
    protocol = _transport(message, contact.at + contact.size)
    if protocol is None:
        return Verdict.ACCEPT
    seconds = _expires(message, contact.at + contact.size)
    if seconds is None:
        return call.drop("cannot parse expires")
    if not seconds:
        message.memory.register = number
        return Verdict.ACCEPT
    expectation = call.expectation(protocol, call.there.src, contact.address, contact.port, kind=SIGNALLING)
    expectation.helper = call.helper.name
    expectation.permanent = expectation.inactive = True
    if call.mapped:
        verdict = message.expect_signalling(expectation, contact.at, contact.size)
    else:
        verdict = Verdict.ACCEPT if call.expect(expectation) else call.drop("cannot add expectation")
    if verdict is Verdict.ACCEPT:
        message.memory.register = number
    return verdict


def _transport(message: Message, at: int) -> int | None:
    """The protocol that a parameter names; it must be the connection's own."""
    found = sip.parameter(message.text, at, b"TRANSPORT=")
    if found is None:
        return message.protocol
    named = TRANSPORTS.get(message.text[found : found + 3].upper())
    return named if named == message.protocol else None


def _expires(message: Message, at: int) -> int | None:
    """For how many seconds: the Contact's parameter, else the header; None when the parameter is no number."""
    text = message.text
    begin = sip.parameter(text, at, b"EXPIRES=")
    if begin is not None:
        return sip.whole(text, begin)
    header = sip.header(text, 0, sip.EXPIRES, message.family)
    return sip.whole(text, header.at) or 0 if header is not None and header.size else 0


def _registered(message: Message, number: int, code: int) -> Verdict:
    """Let the calls in when the registrar agrees, and expect them no more when not (process_register_response)."""
    call, text = message.call, message.text
    if message.memory.register != number or 100 <= code <= 199:
        return Verdict.ACCEPT
    at, inside = 0, False
    while 200 <= code <= 299:
        contact = sip.endpoint(text, sip.CONTACT, message.family, at, inside=inside)
        if contact is False:
            return call.drop("cannot parse contact")
        if contact is None:
            break
        at, inside = contact.behind, True
        if contact.address != call.here.dst:
            continue
        protocol = _transport(message, contact.at + contact.size)
        if protocol is None:
            continue
        seconds = _expires(message, contact.at + contact.size)
        if seconds is None:
            return call.drop("cannot parse expires")
        if not seconds:
            break
        if _let_in(call, (contact.address, protocol, contact.port), seconds):
            return Verdict.ACCEPT
    _forget(call, media=False)
    return Verdict.ACCEPT


def _let_in(call: Call, wanted: tuple[int, int, int], seconds: int) -> bool:
    """Open what was expected for that address, protocol and port (refresh_signalling_expectation)."""
    for each in call.table.expectations.of(call.entry):
        if each.kind == SIGNALLING and (each.wanted.dst, each.wanted.protocol, each.wanted.dport) == wanted:
            each.inactive = False
            each.timeout = call.table.now + seconds * SECOND
            return True
    return False


REQUESTS: dict[bytes, Callable[[Message, int], Verdict]] = {
    b"INVITE": _invite,
    b"UPDATE": _session,
    b"ACK": _session,
    b"PRACK": _session,
    b"BYE": _bye,
    b"REGISTER": _register,
}
RESPONSES: dict[bytes, Callable[[Message, int, int], Verdict]] = {
    b"INVITE": _answered,
    b"UPDATE": _answered,
    b"PRACK": _answered,
    b"REGISTER": _registered,
}

SIP = Helper("sip", 5060, (Policy(1, 180), Policy(4, 180), Policy(4, 180), Policy(2, 180)), sip_help, Memory)
