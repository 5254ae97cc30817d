"""Translations between clients' APIs and backends' APIs: pure functions, without a clock and without I/O.

`clients/` turn a request into a Converse request and write the answer; `carriers/` send it on and read what comes back.
`registry` lists which pairs there are; `contract` defines what passes between them.
"""
