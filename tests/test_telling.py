"""Which CAs and revocations a destination has been told: once, again after a cut, and never what it has said itself."""

from relay.forwarder.telling import Telling
from relay.protocol.messages import TrustNews

OWED = TrustNews((b"kecamatan", b"kabupaten"), (b"list 1",))


def test_what_the_destination_has_said_itself_is_not_told() -> None:
    telling = Telling(lambda: OWED)
    telling.heard([b"kabupaten"])
    assert telling.has_work
    assert telling.take("stream") == TrustNews((b"kecamatan",), (b"list 1",))


def test_it_is_told_once_and_on_one_stream() -> None:
    telling = Telling(lambda: OWED)
    assert telling.take("a") == OWED
    assert telling.take("b") is None
    assert not telling.has_work
    telling.let_go("a", was_cut=False)  # it does not hold there: at the next start again
    assert not telling.has_work


def test_what_a_cut_stream_told_is_told_again_unless_it_was_heard() -> None:
    telling = Telling(lambda: OWED)
    telling.take("a")
    telling.heard([b"list 1"])
    telling.let_go("b", was_cut=True)
    assert not telling.has_work
    telling.let_go("a", was_cut=True)
    assert telling.take("b") == TrustNews((b"kecamatan", b"kabupaten"), ())


def test_what_is_not_owed_any_more_is_not_told() -> None:
    owed = [OWED]
    telling = Telling(lambda: owed[0])
    owed[0] = TrustNews((), (b"list 2",))
    assert telling.take("a") == TrustNews((), (b"list 2",))
    owed[0] = TrustNews((), ())
    telling.let_go("a", was_cut=True)
    assert not telling.has_work
