"""Limits of use: which apply to a request, what they count, and how a refusal looks. Nothing here does I/O.

    limits and headers ── matching ──▶ counters ── windows ──▶ hits ── the ledger ──▶ verdict ── refusal ──▶ 429

`counting` has the values that pass between them. The counts themselves are in `aigw_extproc.ledger`.
"""
