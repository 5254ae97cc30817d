"""`aigw-extproc doctor`: test every backend from the credentials to the model, and advise what to do next.

`checks`, `targets`, `probe_response`, `clock` and `providers` are values and pure functions; `credentials`, `identity`,
`network` and `probe` do I/O; `examination` puts them in order, `report` prints the result.
"""
