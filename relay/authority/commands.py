"""`relay authority …`: makes and revokes certificates. Reads words, calls `Authority`, prints what was done."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from rich.console import Console
from rich.progress import Progress

from relay import identity
from relay.authority import (
    arguments,
    coding,
    enrolment,
    exchange_files,
    folders,
    joining,
    keys,
    requests,
    stations,
)
from relay.authority import authority as house
from relay.authority.authority import Authority, Subject
from relay.authority.desk import Desk
from relay.authority.report import report, table
from relay.errors import Code, Rejected
from relay.files import write_durably
from relay.protocol import codes, trust
from relay.protocol.enrolment import State
from relay.protocol.trust import Role

_REASONS = {
    reason.value: reason
    for reason in x509.ReasonFlags
    if reason not in (x509.ReasonFlags.certificate_hold, x509.ReasonFlags.remove_from_crl)  # revoked is for ever
}
_LINE_EVERY = 1000


def main(words: list[str]) -> int:
    """Runs `relay authority COMMAND …`; 0 if it did what was asked."""
    options = arguments.parser(_RUN, list(_REASONS)).parse_args(words[1:])
    done: int = options.run(options)
    return done


def _init(options: argparse.Namespace) -> int:
    if options.certificate:
        return _accept(options)
    folders.check_new(options.authority)
    if options.scope:
        codes.scope(options.scope)
        passphrase = keys.read_passphrase(options.passphrase_file, f"the new CA of {options.scope}", new=True)
        request = joining.ask(options.authority, passphrase, options.scope)
        print(f"Take {request} to the CA above; then: relay authority init --authority DIR --certificate ANSWER")
        return 0
    passphrase = keys.read_passphrase(options.passphrase_file, "the new root", new=True)
    made = Authority.create(options.authority, passphrase, name=options.name, days=options.days)
    print(f"Root in {made.folder}. Give root.pem to everybody; keep the folder and its passphrase apart, and offline.")
    return _show_to_person(made)


def _accept(options: argparse.Namespace) -> int:
    made = joining.accept(options.authority, identity.read_certificates(options.certificate))
    print(f"{made.folder} is a CA now. Compare the root's SHA-256 with the root itself before you issue anything.")
    return _show_to_person(made)


def _issue_ca(options: argparse.Namespace) -> int:
    if options.csr:
        return _certify_ca(options)
    folders.check_new(options.out)
    issuer = _open(options)
    passphrase = keys.read_passphrase(options.new_passphrase_file, f"the new CA of {options.scope}", new=True)
    made = issuer.issue_ca(options.scope, options.out, passphrase, name=options.name, days=options.days)
    print(f"CA in {made.folder}. Carry the folder to where it will work, and leave no copy here.")
    return _show_to_person(made)


def _certify_ca(options: argparse.Namespace) -> int:
    _check_new_file(options.out)
    public_key = requests.public_key_of(_read(options.csr))
    issuer = _open(options)
    chain = issuer.certify_ca(public_key, options.scope, name=options.name, days=options.days)
    write_durably(options.out, folders.pem([*chain, issuer.root]))
    print(f"Take {options.out} back; there: relay authority init --authority DIR --certificate {options.out.name}")
    return 0


def _issue_relay(options: argparse.Namespace) -> int:
    _open(options).issue_relay(
        options.scope,
        options.out,
        dns=options.dns,
        ips=options.ip,
        passphrase=_node_passphrase(options),
        days=options.days,
    )
    print(f"Identity of the relay of {options.scope} in {options.out}.")
    return 0


def _issue_centre(options: argparse.Namespace) -> int:
    passphrase = _node_passphrase(options)
    _open(options).issue_centre(options.out, dns=options.dns, ips=options.ip, passphrase=passphrase, days=options.days)
    print(f"Identity of the centre in {options.out}.")
    return 0


def _enrol(options: argparse.Namespace) -> int:
    if options.csr:
        return _certify(options)
    issuer = Authority.open(options.authority)
    subjects = _subjects(options, issuer.scope)  # the CSV is judged before anybody is asked for a passphrase
    issuer = _open(options)
    try:
        with _progress(len(subjects)) as progress:
            done = enrolment.enrol(
                issuer, subjects, options.out, renew=options.renew, days=options.days, progress=progress
            )
    except KeyboardInterrupt:
        print("\nInterrupted. Nothing is lost: run the same again, and it goes on from here.", file=sys.stderr)
        raise
    codes_file = options.out / enrolment.CODES_FILE
    print(f"{len(done.made)} made in {options.out}." + (f" Their one-time codes: {codes_file}" if done.made else ""))
    if done.left:
        print(f"{len(done.left)} were there already and are left as they are (--renew makes new ones beside them).")
    if done.gone:
        print(
            f"{len(done.gone)} have a code there but their file has been moved away, such as {done.gone[0]}; they "
            "are left as they are (--renew makes new ones)."
        )
    return 0


def _certify(options: argparse.Namespace) -> int:
    _check_new_file(options.out)
    subject = _subjects(options, codes.NATIONAL)[0]
    public_key = requests.public_key_of(_read(options.csr))
    chain = _open(options).issue(subject, public_key, days=options.days)
    write_durably(options.out, folders.pem(chain))
    print(f"Certificate of {subject.name}, and the CAs above it, in {options.out}.")
    return 0


def _codes(options: argparse.Namespace) -> int:
    issuer = Authority.open(options.authority)  # codes are certified later: no passphrase is needed to make them
    if options.csv:
        subjects = stations.read_stations(options.csv, issuer.scope, villages=True)
    else:
        subjects = _subjects(options, issuer.scope)
    for subject in subjects:
        if not codes.covers(issuer.scope, subject.scope):
            raise Rejected(
                Code.CA_OUTSIDE_SCOPE, f"This CA certifies in {issuer.scope}; {subject.scope} is outside of it."
            )
    entries = coding.entries_for(subjects)
    with _progress(len(entries)) as progress:
        coding.write(options.out, entries, issuer.root, progress)
    print(
        f"{len(entries)} one-time codes in {options.out}: {coding.CODES_FILE} for the relay or for `answer`, "
        f"{coding.CARDS_FILE} to print. Whoever has a code can enrol with it: keep both as you keep ballot papers."
    )
    return 0


def _answer(options: argparse.Namespace) -> int:
    _check_new_file(options.out)
    asked = exchange_files.read_requests(_read(options.requests))
    desk = Desk(_open(options), options.codes)
    with _progress(len(asked)) as progress:
        answers = exchange_files.answer(desk, asked, datetime.now(UTC), progress)
    write_durably(options.out, exchange_files.answers_file(answers), mode=keys.PRIVATE)
    refused = [item for item in answers if item.state is State.REFUSED]
    for item in refused:
        print(f"refused: {item.id.hex()[:8]}: {item.sentence} [{item.code}]", file=sys.stderr)
    print(
        f"{len(answers) - len(refused)} certified, {len(refused)} refused. Take {options.out} to the relay; there: "
        "relay enrolments import FILE"
    )
    return 0


def _revoke(options: argparse.Namespace) -> int:
    issuer = _open(options)
    given = [identity.read_certificates(path)[0] for path in options.certificate]
    serials = [*options.serial, *(issuer.adopt(der) for der in given)]
    urns = [*options.urn, *(trust.urn(Role.KPPS, codes.tps_code(tps)) for tps in options.tps)]
    for urn in urns:
        found = issuer.serials_of(urn)
        if not found:
            raise Rejected(Code.NOT_FOUND, f"This CA's ledger has no certificate for {urn}. Nothing was revoked.")
        serials += found
    if not serials:
        raise Rejected(Code.BAD_REQUEST, "Say what to revoke: --tps, --urn, --serial or --certificate.")
    new = issuer.revoke(serials, _REASONS[options.reason], crl_days=options.days)
    for entry in new:
        print(f"revoked: {entry.name} ({entry.urn}), serial {entry.serial}")
    print(
        f"{len(new)} revoked now, {len(set(serials)) - len(new)} were already. New CRL: "
        f"{options.authority / house.CRL_FILE}; take it to the relays and the centre."
    )
    return 0


def _crl(options: argparse.Namespace) -> int:
    issuer = _open(options)
    issuer.crl(days=options.days)
    print(
        f"CRL number {issuer.ledger.crl_number}, {len(issuer.ledger.revoked)} revoked: "
        f"{options.authority / house.CRL_FILE} and {house.CRL_PEM_FILE}."
    )
    return 0


def _show(options: argparse.Namespace) -> int:
    shown = Authority.open(options.authority)
    if options.json:
        print(json.dumps(report(shown, datetime.now(UTC)).as_json(), indent=2, ensure_ascii=False))
        return 0
    return _show_to_person(shown)


def _show_to_person(shown: Authority) -> int:
    Console().print(table(report(shown, datetime.now(UTC))))
    return 0


def _subjects(options: argparse.Namespace, scope: codes.Scope) -> list[Subject]:
    if options.csv:
        return stations.read_stations(options.csv, scope)
    if options.tps:
        return [stations.station(options.tps, options.name)]
    if options.scope is None:
        raise Rejected(Code.BAD_REQUEST, "Say who: --tps CODE, --csv FILE, or --role ROLE --scope SCOPE.")
    role, region = Role(options.role), codes.scope(options.scope)
    return [Subject(role, region, options.name or f"{role.upper()} {region}")]


def _open(options: argparse.Namespace) -> Authority:
    Authority.open(options.authority)  # what is wrong with the folder is said before anybody types a passphrase
    passphrase = keys.read_passphrase(options.passphrase_file, f"{options.authority}")
    return Authority.open(options.authority, passphrase)


def _node_passphrase(options: argparse.Namespace) -> bytes | None:
    file: Path | None = options.node_passphrase_file
    return keys.read_passphrase(file, "the node", new=True) if file else None


def _check_new_file(path: Path) -> None:
    if path.exists():
        raise Rejected(Code.FILE_EXISTS, f"{path} exists already and is left as it is.")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Rejected(Code.FILE_UNREADABLE, f"{path} cannot be read: {error.strerror}.") from error


@contextmanager
def _progress(total: int) -> Iterator[enrolment.Progress | None]:
    """A bar on a terminal; elsewhere a line now and then."""
    if not sys.stderr.isatty():
        yield lambda done, of: _say_line(done, of)
    elif total <= 1:
        yield None
    else:
        with Progress(console=Console(stderr=True)) as bar:
            task = bar.add_task("enrolling", total=total)
            yield lambda done, of: bar.update(task, completed=done, total=of)


def _say_line(done: int, of: int) -> None:
    if of > 1 and (done % _LINE_EVERY == 0 or done == of):
        print(f"{done} of {of}", file=sys.stderr, flush=True)


_RUN: dict[str, arguments.Run] = {
    "init": _init,
    "issue-ca": _issue_ca,
    "issue-relay": _issue_relay,
    "issue-centre": _issue_centre,
    "enrol": _enrol,
    "codes": _codes,
    "answer": _answer,
    "revoke": _revoke,
    "crl": _crl,
    "show": _show,
}
