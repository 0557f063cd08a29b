"""`relay authority …`: makes and revokes certificates. Reads words, calls `Authority`, prints what was done."""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from rich.console import Console

from relay import identity
from relay.authority import (
    arguments,
    code_commands,
    enrolment,
    folders,
    joining,
    keys,
    requests,
    stations,
    terminal,
)
from relay.authority import authority as house
from relay.authority.authority import Authority, Subject
from relay.authority.report import report, table
from relay.errors import Code, Rejected
from relay.files import write_durably
from relay.protocol import codes, roles
from relay.protocol.roles import Role

_REASONS = {
    reason.value: reason
    for reason in x509.ReasonFlags
    if reason not in (x509.ReasonFlags.certificate_hold, x509.ReasonFlags.remove_from_crl)  # revoked is for ever
}


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
    issuer = terminal.open_authority(options)
    passphrase = keys.read_passphrase(options.new_passphrase_file, f"the new CA of {options.scope}", new=True)
    made = issuer.issue_ca(options.scope, options.out, passphrase, name=options.name, days=options.days)
    print(f"CA in {made.folder}. Carry the folder to where it will work, and leave no copy here.")
    return _show_to_person(made)


def _certify_ca(options: argparse.Namespace) -> int:
    terminal.check_new_file(options.out)
    public_key = requests.public_key_of(terminal.read(options.csr))
    issuer = terminal.open_authority(options)
    chain = issuer.certify_ca(public_key, options.scope, name=options.name, days=options.days)
    write_durably(options.out, folders.pem([*chain, issuer.root]))
    print(f"Take {options.out} back; there: relay authority init --authority DIR --certificate {options.out.name}")
    return 0


def _issue_relay(options: argparse.Namespace) -> int:
    terminal.open_authority(options).issue_relay(
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
    terminal.open_authority(options).issue_centre(
        options.out, dns=options.dns, ips=options.ip, passphrase=passphrase, days=options.days
    )
    print(f"Identity of the centre in {options.out}.")
    return 0


def _enrol(options: argparse.Namespace) -> int:
    if options.csr:
        return _certify(options)
    issuer = Authority.open(options.authority)
    subjects = _subjects(options, issuer.scope)  # the CSV is judged before anybody is asked for a passphrase
    issuer = terminal.open_authority(options)
    try:
        with terminal.progress(len(subjects)) as progress:
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
    terminal.check_new_file(options.out)
    subject = _subjects(options, codes.NATIONAL)[0]
    public_key = requests.public_key_of(terminal.read(options.csr))
    chain = terminal.open_authority(options).issue(subject, public_key, days=options.days)
    write_durably(options.out, folders.pem(chain))
    print(f"Certificate of {subject.name}, and the CAs above it, in {options.out}.")
    return 0


def _revoke(options: argparse.Namespace) -> int:
    issuer = terminal.open_authority(options)
    given = [identity.read_certificates(path)[0] for path in options.certificate]
    serials = [*options.serial, *(issuer.adopt(der) for der in given)]
    urns = [*options.urn, *(roles.urn(Role.KPPS, codes.tps_code(tps)) for tps in options.tps)]
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
    issuer = terminal.open_authority(options)
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


def _node_passphrase(options: argparse.Namespace) -> bytes | None:
    file: Path | None = options.node_passphrase_file
    return keys.read_passphrase(file, "the node", new=True) if file else None


_RUN: dict[str, arguments.Run] = {
    "init": _init,
    "issue-ca": _issue_ca,
    "issue-relay": _issue_relay,
    "issue-centre": _issue_centre,
    "enrol": _enrol,
    "codes": code_commands.make,
    "answer": code_commands.answer,
    "revoke": _revoke,
    "crl": _crl,
    "show": _show,
}
