"""The four families of errors, by who must act, and the stable codes that travel in problem details.

A code is an API: phones and operators script against it, so it is never renamed. Every code has one
HTTP status and one short title (RFC 9457 3.1.2); the sentence beside it is written where it is raised,
and tells a person what to do next.
"""

from enum import StrEnum


class Code(StrEnum):
    """Stable machine-readable reasons (`code` in problem details, reasons in receipts)."""

    # the bytes
    MALFORMED_CBOR = "malformed-cbor"
    CBOR_NOT_DETERMINISTIC = "cbor-not-deterministic"
    COSE_MALFORMED = "cose-malformed"
    ALGORITHM_UNSUPPORTED = "algorithm-unsupported"
    STATEMENT_MALFORMED = "statement-malformed"
    STATEMENT_TOO_LARGE = "statement-too-large"
    KIND_UNEXPECTED = "kind-unexpected"
    TPS_MALFORMED = "tps-malformed"
    FORM_UNKNOWN = "form-unknown"
    FIGURES_MALFORMED = "figures-malformed"
    # who says so
    SIGNER_UNKNOWN = "signer-unknown"
    SIGNATURE_INVALID = "signature-invalid"
    CERTIFICATE_MALFORMED = "certificate-malformed"
    CHAIN_BROKEN = "chain-broken"
    CERTIFICATE_NOT_VALID_NOW = "certificate-not-valid-now"
    CA_OUTSIDE_SCOPE = "ca-outside-scope"
    ROLE_UNKNOWN = "role-unknown"
    ROLE_NOT_ALLOWED = "role-not-allowed"
    STATION_NOT_SIGNERS = "station-not-signers"
    SIGNER_REVOKED = "signer-revoked"
    CRL_MALFORMED = "crl-malformed"
    SESSION_NEEDED = "session-needed"
    CHALLENGE_UNKNOWN = "challenge-unknown"
    ORIGIN_FOREIGN = "origin-foreign"
    # photographs
    DOCUMENT_NOT_LISTED = "document-not-listed"
    DOCUMENT_ALTERED = "document-altered"
    DOCUMENT_TOO_LARGE = "document-too-large"
    UPLOAD_LENGTH_MISMATCH = "upload-length-mismatch"
    UPLOAD_OFFSET_MISMATCH = "upload-offset-mismatch"
    # node to node
    BATCH_MALFORMED = "batch-malformed"
    BATCH_ALTERED = "batch-altered"
    # enrolment
    CODE_UNKNOWN = "code-unknown"
    CODE_SPENT = "code-spent"
    # the conversation
    TOO_MANY_STATEMENTS = "too-many-statements"
    NOT_FOUND = "not-found"
    BAD_REQUEST = "bad-request"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type"
    TUS_VERSION_UNSUPPORTED = "tus-version-unsupported"
    INTERNAL = "internal"
    # ask again
    BUSY = "busy"
    DISK_FULL = "disk-full"
    # ours to mend
    CONFIG_INVALID = "config-invalid"
    FILE_EXISTS = "file-exists"
    FILE_UNREADABLE = "file-unreadable"
    PERMISSIONS_TOO_OPEN = "permissions-too-open"
    PASSPHRASE_WRONG = "passphrase-wrong"
    CSV_INVALID = "csv-invalid"
    UPLINK_DOWN = "uplink-down"
    STORE_BROKEN = "store-broken"
    RELAY_NOT_FOUND = "relay-not-found"


_STATUS_DEFAULT = 422
_STATUS: dict[Code, int] = {
    Code.MALFORMED_CBOR: 400,
    Code.CBOR_NOT_DETERMINISTIC: 400,
    Code.COSE_MALFORMED: 400,
    Code.BAD_REQUEST: 400,
    Code.SIGNER_UNKNOWN: 401,
    Code.SIGNATURE_INVALID: 403,
    Code.CHAIN_BROKEN: 403,
    Code.CERTIFICATE_NOT_VALID_NOW: 403,
    Code.CA_OUTSIDE_SCOPE: 403,
    Code.ROLE_UNKNOWN: 403,
    Code.ROLE_NOT_ALLOWED: 403,
    Code.STATION_NOT_SIGNERS: 403,
    Code.SIGNER_REVOKED: 403,
    Code.SESSION_NEEDED: 401,
    Code.CHALLENGE_UNKNOWN: 403,
    Code.ORIGIN_FOREIGN: 403,
    Code.CODE_UNKNOWN: 403,
    Code.CODE_SPENT: 403,
    Code.DOCUMENT_NOT_LISTED: 404,
    Code.TOO_MANY_STATEMENTS: 403,
    Code.NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.UPLOAD_OFFSET_MISMATCH: 409,
    Code.UPLOAD_LENGTH_MISMATCH: 400,
    Code.TUS_VERSION_UNSUPPORTED: 412,
    Code.STATEMENT_TOO_LARGE: 413,
    Code.DOCUMENT_TOO_LARGE: 413,
    Code.UNSUPPORTED_MEDIA_TYPE: 415,
    Code.DOCUMENT_ALTERED: 460,  # tus 1.0, checksum extension: "460 Checksum Mismatch"
    Code.INTERNAL: 500,
    Code.STORE_BROKEN: 500,
    Code.BUSY: 503,
    Code.UPLINK_DOWN: 503,
    Code.DISK_FULL: 507,
}


def http_status(code: Code) -> int:
    """The HTTP status that goes with `code` in every answer of relay and centre."""
    return _STATUS.get(code, _STATUS_DEFAULT)


class RelayError(Exception):
    """Any error with a stable code and a sentence for a person."""

    def __init__(self, code: Code, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class Rejected(RelayError):
    """The sender must change something before trying again."""


class NotNow(RelayError):
    """Nothing is wrong with what was sent: ask again after `retry_after_seconds`."""

    def __init__(self, code: Code, sentence: str, retry_after_seconds: float) -> None:
        super().__init__(code, sentence)
        self.retry_after_seconds = retry_after_seconds


class UplinkDown(RelayError):
    """The way towards the centre does not work now: we back off and try again, for ever."""

    def __init__(self, sentence: str) -> None:
        super().__init__(Code.UPLINK_DOWN, sentence)


class StoreBroken(RelayError):
    """The disk or the database cannot be trusted: stop, say why, let the supervisor restart us."""

    def __init__(self, sentence: str) -> None:
        super().__init__(Code.STORE_BROKEN, sentence)
