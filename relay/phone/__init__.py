"""The reference client: sign on the phone, find a relay, hand over, keep everything until the centre's receipt.

No global state; the clock is handed in; hundreds of phones can live in one process. In short:

    outbox.create(folder, p12, code, root, clock)       -> Outbox       bytes of the PKCS#12 file, DER of the root
    await enrolling.enrol(folder, url, code, name, clock)               -> Outbox       the key is made here
    Outbox(folder, clock)                                               open it; clock() gives Unix seconds
    outbox.officer(passphrase=None)                     -> NodeIdentity (blocking, as all of Outbox: use a thread)
    outbox.sign_tally(officer, tps, form, figures, revision=1)          -> Entry; same again: same Entry
    outbox.sign_documents(officer, tps, form, {page: path}, revision=1) -> Entry; originals are copied
    outbox.entries() / .entry(id) / .find(hex prefix)   -> Entry: .statement .state .slips .receipt .flags .pages_held
    outbox.forget(entry)                                -> photographs removed; only after a verified receipt
    await finder.find(tps, seconds=4, interfaces=())    -> [Candidate], best first; .urls, .name, .scope
    await sending.send(outbox, [url | Candidate, …], wait_seconds=0, progress=None) -> SendReport
        .handed_over .relays .slips .receipts .on_phone .photographs_on_phone .without_receipt .problems
    progress(document: bytes, bytes_at_relay: int, size_bytes: int)
    async with client.RelayConnection(url, tls.relay_tls(root_file)) as c:  one session; hand_over, view, append, …
    Proofs(root).slip_for(…) / .receipt_for(…)          judge bytes under the pinned root
    export.export(outbox, entry, folder)                -> what `relay verify --export` wants
"""
