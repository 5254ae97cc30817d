"""One HTTP exchange: the state machine between Envoy's messages and the translations.

`Exchange.receive` takes one event at a time and returns exactly one action:

    RequestHeaders   → Continue | NeedStored | Reply
    RequestBody      → ForwardRequest | NeedStored | NeedMedia | NeedCredentials | NeedUpstream | Reply
    StoredReady      → as RequestBody                                            (the shell's answer to NeedStored)
    MediaReady       → ForwardRequest | NeedCredentials | NeedUpstream | Reply   (the shell's answer to NeedMedia)
    CredentialsReady → ForwardRequest | NeedUpstream | Reply                     (the shell's answer to NeedCredentials)
    UpstreamReady    → Reply                                                     (the shell's answer to NeedUpstream)
    ResponseHeaders  → Continue | StreamResponse | ReplaceBody | Keep | Reply
    ResponseBody     → ReplaceBody | Chunk | Keep | Continue | Reply

`phases` has the states, `request` and `response` the transitions, `machine` the table of both.
Nothing here does I/O, reads a clock or draws a random number: they are arguments. docs/notes/envoy-ext-proc.md lists
the messages that Envoy sends, as observed.
"""
