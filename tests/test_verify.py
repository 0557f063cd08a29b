"""`relay verify`: every exit status, and no altered byte unnoticed."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from relay import cli, verify
from relay.protocol import cose, receipts, slips
from relay.protocol.receipts import Outcome, Verdict
from relay.protocol.slips import Subject
from relay.protocol.statements import StatementId
from tests.authorities import World
from tests.world.nodes import documents, tally

SIGNED_AT = 1_763_700_000
PHOTOGRAPHS = [b"\xff\xd8\xff first page" * 10, b"\xff\xd8\xff second page" * 10]


@dataclass
class Files:
    """A statement with all its proofs as files, and the command that checks them."""

    folder: Path
    world: World = field(default_factory=World)

    def __post_init__(self) -> None:
        self.officer, self.relay, self.centre = self.world.officer(), self.world.relay(), self.world.centre()
        self.write("root.pem", x509.load_der_x509_certificate(self.world.root_der).public_bytes(Encoding.PEM))
        self.statement = documents(self.officer, PHOTOGRAPHS, signed_at=SIGNED_AT)
        self.write("statement.cose", self.statement.with_chain(self.officer[1]))
        self.write("slip-1.cose", self.slip(Subject.STATEMENT, self.statement.id))
        self.write("slip-2.cose", self.slip(Subject.DOCUMENT, cose.sha256(PHOTOGRAPHS[1])))
        self.write("receipt.cose", self.receipt())
        for number, data in enumerate(PHOTOGRAPHS, 1):
            self.write(f"page-{number}.jpg", data)
        self.write("crl-1.der", self.world.crl())

    def write(self, name: str, data: bytes) -> Path:
        (self.folder / name).write_bytes(data)
        return self.folder / name

    def slip(self, kind: Subject, subject: bytes) -> bytes:
        signer, chain = self.relay
        return signer.sign(slips.payload(kind, subject, 7, SIGNED_AT + 60, False)).with_chain(chain)

    def receipt(self, verdict: Verdict = Verdict.RECORDED, *notes: str, at: int = SIGNED_AT + 3600) -> bytes:
        signer, chain = self.centre
        outcome = Outcome(StatementId(self.statement.id), verdict, notes)
        return signer.sign(receipts.payload(at, [outcome])).with_chain(chain)

    def words(self, *leave_out: str) -> list[str]:
        names = {"statement": "statement.cose", "--root": "root.pem", "--receipt": "receipt.cose"}
        words = ["verify"]
        for option, name in names.items():
            if option not in leave_out:
                words += ([option] if option.startswith("--") else []) + [str(self.folder / name)]
        for option, some in (("--slip", "slip-*"), ("--document", "page-*"), ("--crl", "crl-*")):
            for path in sorted(self.folder.glob(some)):
                words += [] if option in leave_out else [option, str(path)]
        return words


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def told(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit status and everything said."""
    capsys.readouterr()
    status = cli.main(words)
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return status, captured.out + captured.err


def told_json(words: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    status, text = told([*words, "--json"], capsys)
    answer = json.loads(text)
    assert answer["status"] == status
    return answer


def test_recorded_is_0(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    status, text = told(files.words(), capsys)
    assert status == verify.RECORDED == 0
    assert "PHOTOGRAPHS of TPS 6501082001001, C.HASIL-PPWP (2401), revision 1" in text
    assert "kpps, certified for TPS 6501082001001" in text
    assert "page-2.jpg is exactly what was signed" in text
    assert "slip        number 7 of relay 650108 (650108) for page 2" in text
    assert "its clock was NOT sure" in text
    assert "the centre has recorded it" in text


def test_without_a_receipt_is_3(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(files.words("--receipt"), capsys)[0] == verify.NO_RECEIPT == 3


@pytest.mark.parametrize(
    ("verdict", "words"), [(Verdict.REFUSED, "refused it: form-unknown"), (Verdict.CONFLICT, "in conflict")]
)
def test_refused_and_in_conflict_are_4(
    files: Files, capsys: pytest.CaptureFixture[str], verdict: Verdict, words: str
) -> None:
    files.write("receipt.cose", files.receipt(verdict, "form-unknown"))
    status, text = told(files.words(), capsys)
    assert status == verify.NOT_ACCEPTED == 4
    assert words in text


@pytest.mark.parametrize("words", [[], ["--root", "root.pem"], ["x.cose"], ["x.cose", "--root", "r", "--at", "May"]])
def test_a_wrong_command_is_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["verify", *words])
    assert ended.value.code == verify.USAGE == 2
    assert "usage:" in capsys.readouterr().err


def test_help_documents_every_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["verify", "--help"])
    text = capsys.readouterr().out
    assert all(f"\n  {status}  " in text for status in range(5))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("statement.cose", "The statement: "),
        ("receipt.cose", "The receipt: "),
        ("slip-1.cose", "The slip slip-1.cose: "),
        ("page-1.jpg", "The photograph page-1.jpg: "),
        ("crl-1.der", "The revocation list crl-1.der: "),
    ],
)
def test_no_altered_byte_goes_unnoticed(files: Files, capsys: pytest.CaptureFixture[str], name: str, says: str) -> None:
    data = (files.folder / name).read_bytes()
    for other in [path for path in files.folder.iterdir() if path.name not in (name, "statement.cose", "root.pem")]:
        other.unlink()
    words = files.words(*([] if name == "receipt.cose" else ["--receipt"]))
    for at in range(len(data)):
        files.write(name, data[:at] + bytes([data[at] ^ (1 << at % 8)]) + data[at + 1 :])
        answer = told_json(words, capsys)
        if name == "crl-1.der" and any(f"{name} is of a CA that nobody" in note for note in answer["notes"]):
            continue  # said, and no reason to doubt the statement
        assert answer["status"] == verify.FALSE == 1, at
        assert any(problem["sentence"].startswith(says) for problem in answer["problems"]), (at, answer["problems"])
    files.write(name, data)
    assert told(words, capsys)[0] == (0 if name == "receipt.cose" else 3)


@pytest.mark.parametrize("name", ["statement.cose", "receipt.cose", "slip-1.cose", "root.pem", "crl-1.der"])
def test_files_that_are_cut_short_or_are_something_else_are_1_and_say_so(
    files: Files, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    data = (files.folder / name).read_bytes()
    for broken in (
        b"",
        data[:-1] if name != "root.pem" else data[:50],
        data[: len(data) // 2],
        b"hello",
        b"\xff" * 100,
    ):
        files.write(name, broken)
        status, text = told(files.words(), capsys)
        assert status == 1, broken
        assert "FALSE" in text or "relay: " in text
    (files.folder / name).unlink()
    words = [*files.words("--crl"), "--crl", str(files.folder / "crl-1.der")]
    status, text = told(
        [word for word in words if (files.folder / "slip-1.cose").exists() or "slip" not in word], capsys
    )
    assert status == 1 or name == "slip-1.cose"


def test_one_proof_is_not_taken_for_another(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    slip, receipt = files.folder / "slip-1.cose", files.folder / "receipt.cose"
    for words in (
        ["verify", str(slip), "--root", str(files.folder / "root.pem")],
        [*files.words("--receipt"), "--receipt", str(slip)],
        [*files.words(), "--slip", str(receipt)],
        [*files.words(), "--document", str(receipt)],
    ):
        assert told(words, capsys)[0] == 1


def test_proofs_of_another_statement_or_by_the_wrong_role_are_1(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    right = (files.folder / "receipt.cose").read_bytes()
    payload = cose.parse(right).payload
    for signer, chain in (files.relay, files.officer, World(name="KPU Root").centre()):
        files.write("receipt.cose", signer.sign(payload).with_chain(chain))
        assert told(files.words(), capsys)[0] == 1
    other = tally(files.officer)
    files.write("receipt.cose", right)
    files.write("other.cose", other.with_chain(files.officer[1]))
    words = [str(files.folder / "other.cose") if word.endswith("statement.cose") else word for word in files.words()]
    answer = told_json(words, capsys)
    assert answer["status"] == 1
    assert any("says nothing of this statement" in problem["sentence"] for problem in answer["problems"])


def test_a_bare_statement_is_verified_with_its_certificates_given(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    files.write("statement.cose", files.statement.bare)
    assert told(files.words(), capsys)[0] == 1
    chain = b"".join(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in files.officer[1])
    assert told([*files.words(), "--certificate", str(files.write("chain.pem", chain))], capsys)[0] == 0
    words = files.words()
    for at, der in enumerate(files.officer[1]):
        words += ["--certificate", str(files.write(f"{at}.cer", der))]
    assert told(words, capsys)[0] == 0


def test_a_serial_number_that_no_certificate_may_have_is_false(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    ca = bytearray(files.officer[1][1])
    serial = ca.index(b"\xa0\x03\x02\x01\x02") + 5  # behind the version: tag, length, then the number
    ca[serial + 2] |= 0x80  # negative
    files.write("statement.cose", files.statement.with_chain([files.officer[1][0], bytes(ca)]))
    answer = told_json(files.words(), capsys)
    assert answer["status"] == 1
    assert any("a certificate that came along" in problem["sentence"] for problem in answer["problems"])


def test_revocation_counts_unless_the_centre_had_recorded_before(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    files.write("crl-1.der", files.world.crl(files.officer[1][0]))
    revoked_at = int(files.world.now.timestamp())
    files.write("receipt.cose", files.receipt(at=revoked_at + 60))
    assert "has been revoked since" in told(files.words(), capsys)[1]
    assert told(files.words(), capsys)[0] == 1
    assert told(files.words("--receipt"), capsys)[0] == 1
    files.write("receipt.cose", files.receipt(at=revoked_at - 60))
    status, text = told(files.words(), capsys)
    assert status == 0
    assert "the centre had recorded the statement before" in text


def test_a_revoked_centre_proves_nothing(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files.write("crl-2.der", files.world.crl(files.centre[1][0], issuer=files.world.root))
    assert told(files.words(), capsys)[0] == 1


def test_time_is_judged_when_asked_for(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    now, later = files.world.now, files.world.now + timedelta(days=400)
    assert told([*files.words(), "--at", now.date().isoformat()], capsys)[0] in (0, 1)
    assert told([*files.words(), "--at", (now + timedelta(days=1)).isoformat()], capsys)[0] == 0
    status, text = told([*files.words(), "--at", later.date().isoformat()], capsys)
    assert status == 1
    assert "is valid from" in text


def test_figures_are_shown_with_the_rules_that_they_break(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tally(files.officer, votes=(5, 97, 18))
    statement = files.write("tally.cose", bad.with_chain(files.officer[1]))
    words = ["verify", str(statement), "--root", str(files.folder / "root.pem")]
    status, text = told(words, capsys)
    assert status == 3
    assert "incomplete: 21 of 28 boxes are blank." in text
    assert "Votes of pair" in text
    assert "97" in text
    answer = told_json(words, capsys)
    assert answer["figures"]["votes.2"] == 97
    assert answer["figures"]["dpt.l"] is None
