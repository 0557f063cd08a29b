"""`relay authority codes | answer`: one-time codes for a whole region, and answers to the requests that prove them."""

import argparse
import sys
from datetime import UTC, datetime

from relay.authority import coding, exchange_files, keys, stations, terminal
from relay.authority.authority import Authority, Subject
from relay.authority.desk import Desk
from relay.errors import Code, Rejected
from relay.files import write_durably
from relay.protocol import codes
from relay.protocol.enrolment import State
from relay.protocol.roles import Role


def make(options: argparse.Namespace) -> int:
    """Codes and cards, in a new folder."""
    issuer = Authority.open(options.authority)  # codes are certified later: no passphrase is needed to make them
    if options.csv:
        subjects = stations.read_stations(options.csv, issuer.scope, villages=True)
    else:
        role, region = Role(options.role), codes.scope(options.scope)
        subjects = [Subject(role, region, options.name or f"{role.upper()} {region}")]
    for subject in subjects:
        if not codes.covers(issuer.scope, subject.scope):
            raise Rejected(
                Code.CA_OUTSIDE_SCOPE, f"This CA certifies in {issuer.scope}; {subject.scope} is outside of it."
            )
    entries = coding.entries_for(subjects)
    with terminal.progress(len(entries)) as progress:
        coding.write(options.out, entries, issuer.root, progress)
    print(
        f"{len(entries)} one-time codes in {options.out}: {coding.CODES_FILE} for the relay or for `answer`, "
        f"{coding.CARDS_FILE} to print. Whoever has a code can enrol with it: keep both as you keep ballot papers."
    )
    return 0


def answer(options: argparse.Namespace) -> int:
    """The desk's answers to a file of requests."""
    terminal.check_new_file(options.out)
    asked = exchange_files.read_requests(terminal.read(options.requests))
    desk = Desk(terminal.open_authority(options), options.codes)
    with terminal.progress(len(asked)) as progress:
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
