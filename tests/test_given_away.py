"""What a phone's page gives away can be verified: an export as a ZIP file, and the text of a QR code."""

import zipfile
from pathlib import Path

import pytest

from relay import verify
from relay.errors import Rejected
from relay.phone import given_away
from relay.protocol import cbor, cose
from relay.protocol.slips import Subject
from tests.authorities import Party
from tests.test_verify import Files, files, told

__all__ = ["files"]


def zipped(folder: Path, *, compression: int = zipfile.ZIP_STORED) -> Path:
    """Everything in `folder` as one file."""
    file = folder.parent / "proof.zip"
    with zipfile.ZipFile(file, "w", compression) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name)
    return file


def as_text(*items: bytes) -> bytes:
    """As the page writes it; base45 by RFC 9285, section 4.2."""
    data, letters = cbor.encode(list(items)), []
    for at in range(0, len(data), 2):
        pair = data[at : at + 2]
        number = int.from_bytes(pair, "big")
        letters += [number // 45**place % 45 for place in range(len(pair) + 1)]
    return b"KPU1:" + bytes(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"[letter] for letter in letters)


def certificate(files: Files, party: Party, name: str) -> list[str]:
    """The words that give somebody's certificate along."""
    return ["--certificate", str(files.write(name, party[1][0]))]


@pytest.fixture
def of_a_zip(tmp_path: Path) -> Files:
    folder = tmp_path / "export"
    folder.mkdir()
    return Files(folder)


def test_an_export_in_a_zip_file_is_verified_as_its_folder_is(
    of_a_zip: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    in_folder = told(["verify", "--export", str(of_a_zip.folder)], capsys)
    assert told(["verify", "--export", str(zipped(of_a_zip.folder))], capsys) == in_folder
    assert in_folder[0] == verify.RECORDED


def test_no_altered_byte_of_a_zip_file_is_believed(of_a_zip: Files, capsys: pytest.CaptureFixture[str]) -> None:
    file = zipped(of_a_zip.folder)
    data = bytearray(file.read_bytes())
    at = data.index(b"first page")
    data[at] ^= 1
    file.write_bytes(data)
    status, text = told(["verify", "--export", str(file)], capsys)
    assert status != verify.RECORDED
    assert "not a whole ZIP file" in text


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "a/b", ".hidden"])
def test_a_zip_file_writes_nowhere_else(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "proof.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, b"x")
    status, text = told(["verify", "--export", str(file)], capsys)
    assert status == verify.FALSE
    assert "a name that no phone gives" in text


def test_a_zip_file_that_would_swell_is_not_unpacked(of_a_zip: Files, capsys: pytest.CaptureFixture[str]) -> None:
    of_a_zip.write("page-3.jpg", b"\0" * 10_000_000)
    file = zipped(of_a_zip.folder, compression=zipfile.ZIP_DEFLATED)
    assert "not a ZIP file as phones write it" in told(["verify", "--export", str(file)], capsys)[1]


def test_the_text_of_a_qr_code_holds_statement_and_receipt(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    text = as_text(files.statement.bare, cose.parse(files.receipt()).bare)
    assert len(text) < 1000
    words = ["verify", str(files.write("scanned.txt", text + b"\n")), "--root", str(files.folder / "root.pem")]
    assert told(words, capsys)[0] == verify.FALSE  # nobody has said yet whose signatures these are
    known = ["--certificate", str(files.write("ca.der", files.officer[1][1]))]
    known += certificate(files, files.officer, "officer.der") + certificate(files, files.centre, "centre.der")
    assert told([*words, *known], capsys)[0] == verify.RECORDED


def test_the_text_of_a_qr_code_holds_a_slip_before_there_is_a_receipt(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    slip = cose.parse(files.slip(Subject.STATEMENT, files.statement.id)).bare
    file = files.write("scanned.txt", as_text(files.statement.bare, slip))
    known = ["--certificate", str(files.write("ca.der", files.officer[1][1]))]
    known += certificate(files, files.officer, "officer.der") + certificate(files, files.relay, "relay.der")
    status, told_text = told(["verify", str(file), "--root", str(files.folder / "root.pem"), *known], capsys)
    assert status == verify.NO_RECEIPT
    assert "slip        number 7" in told_text


@pytest.mark.parametrize("text", [b"KPU1:", b"KPU1:ab", b"KPU1:::::", b"KPU1:0", as_text(b"x")[:-1], as_text()])
def test_a_text_that_is_none_is_said_to_be_none(text: bytes) -> None:
    with pytest.raises(Rejected):
        given_away.read_text(text)


def test_the_example_of_the_standard_is_read() -> None:
    assert given_away._from_base45(b"QED8WEX0") == b"ietf!"  # RFC 9285, section 4.4


def test_a_missing_export_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, text = told(["verify", "--export", str(tmp_path / "nothing")], capsys)
    assert status == verify.FALSE
    assert "is not a folder made by" in text
